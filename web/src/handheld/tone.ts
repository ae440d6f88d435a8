/**
 * What hand and ear are told: short tones and buzzes that differ without looking.
 *
 * Opening the sound takes a slow device longer than a scan may: it is opened behind the first touch or
 * key, and tones begin behind the paint of the screen that they belong to.
 */

export type Feel = "ok" | "line" | "task" | "wrong" | "again";
type Note = [pitch_hz: number, long_ms: number];

const NOTES: Record<Feel, Note[]> = {
  ok: [[1400, 70]],
  line: [[1400, 70], [1800, 90]],
  task: [[1400, 80], [1800, 80], [2200, 140]],
  wrong: [[220, 260], [180, 320]],
  again: [[900, 25], [900, 25]],
};
const BUZZ: Record<Feel, number[]> = {
  ok: [40],
  line: [40, 40, 40],
  task: [60, 40, 60, 40, 120],
  wrong: [200, 80, 200],
  again: [15, 30, 15],
};

let sound: AudioContext | null = null;

/** Never in the way: a device without sound or motor goes on silently. */
export function feel(what: Feel): void {
  navigator.vibrate?.(BUZZ[what]);
  requestAnimationFrame(() => setTimeout(() => play(NOTES[what], what === "wrong" ? "square" : "sine", what === "again" ? 0.08 : 0.25)));
}

function open(): AudioContext | null {
  if (!("AudioContext" in window) || navigator.userActivation?.hasBeenActive === false) return null;
  sound ??= new AudioContext();
  return sound;
}

function play(notes: Note[], type: OscillatorType, loud: number): void {
  const into = open();
  if (!into) return;
  let start_s = into.currentTime + 0.005;
  for (const [pitch_hz, long_ms] of notes) {
    const voice = into.createOscillator();
    const volume = into.createGain();
    voice.type = type;
    voice.frequency.value = pitch_hz;
    volume.gain.setValueAtTime(loud, start_s);
    volume.gain.linearRampToValueAtTime(0, start_s + long_ms / 1000);
    voice.connect(volume).connect(into.destination);
    voice.start(start_s);
    voice.stop(start_s + long_ms / 1000);
    start_s += long_ms / 1000 + 0.03;
  }
}

for (const touch of ["pointerup", "keydown"]) {
  globalThis.addEventListener?.(touch, () => setTimeout(open), { once: true, passive: true });
}
