/**
 * Scanning with the camera, for a phone without a scanner. The browser's own reader where it has one;
 * else a reader in WebAssembly, which is loaded only now and from our own server.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../core/i18n.ts";

interface Reader {
  detect: (source: ImageBitmapSource) => Promise<{ rawValue: string }[]>;
}
const FORMATS = ["code_128", "ean_13", "ean_8", "upc_a", "itf", "qr_code", "data_matrix"] as const;
const LOOK_MS = 120;

/** The codes in a picture or in what the camera shows. */
export async function reader(): Promise<Reader> {
  const own = (globalThis as unknown as { BarcodeDetector?: new (options: object) => Reader }).BarcodeDetector;
  if (own) return new own({ formats: FORMATS });
  const [{ BarcodeDetector, setZXingModuleOverrides }, wasm] = await Promise.all([
    import("barcode-detector/ponyfill"),
    import("zxing-wasm/reader/zxing_reader.wasm?url"),
  ]);
  setZXingModuleOverrides({ locateFile: (path: string) => (path.endsWith(".wasm") ? wasm.default : path) });
  return new BarcodeDetector({ formats: [...FORMATS] });
}

export function Camera({ done, close }: { done: (code: string) => void; close: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [torch, setTorch] = useState(false);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let over = false;
    let given: MediaStream | null = null;
    const look = async (): Promise<void> => {
      const eye = await reader();
      given = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (over || !video.current) return given.getTracks().forEach((track) => track.stop());
      setStream(given);
      video.current.srcObject = given;
      await video.current.play();
      while (!over && video.current) {
        const [seen] = await eye.detect(video.current).catch(() => []);
        if (seen && !over) return done(seen.rawValue);
        await new Promise((rest) => setTimeout(rest, LOOK_MS));
      }
    };
    look().catch(() => setFailed(true));
    return () => {
      over = true;
      given?.getTracks().forEach((track) => track.stop());
    };
  }, []);
  const [track] = stream?.getVideoTracks() ?? [];
  const can = track && "torch" in (track.getCapabilities?.() ?? {});
  const light = async (): Promise<void> => {
    await track?.applyConstraints({ advanced: [{ torch: !torch } as MediaTrackConstraintSet] });
    setTorch(!torch);
  };
  const file = async (event: Event): Promise<void> => {
    const [picture] = (event.currentTarget as HTMLInputElement).files ?? [];
    if (!picture) return;
    const [seen] = await (await reader()).detect(await createImageBitmap(picture));
    if (seen) done(seen.rawValue);
    else setFailed(true);
  };
  return (
    <div class="camera" data-testid="camera">
      <p class="verb">{t("h.camera")}</p>
      {failed && <p class="message wrong">{t("h.no_camera")}</p>}
      <video ref={video} muted playsInline />
      {can && (
        <button type="button" aria-pressed={torch} onClick={() => void light()}>
          {t("h.torch")}
        </button>
      )}
      <label class="button">
        {t("h.from_picture")}
        <input type="file" accept="image/*" capture="environment" data-testid="camera-file" onChange={(event) => void file(event)} />
      </label>
      <button type="button" onClick={close}>
        {t("h.back")}
      </button>
    </div>
  );
}
