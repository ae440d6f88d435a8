/** Pictures of damage and of goods: made small on the device, kept until the server has them. */
import { newId } from "./ids.ts";
import { putPhoto } from "./outbox.ts";
import { session } from "./session.ts";

const LONGEST_PX = 1280;
const QUALITY = 0.75;
const TYPE = "image/jpeg";

/** Keep a picture for sending; its id. */
export async function keepPhoto(file: Blob): Promise<string> {
  const small = await smaller(file);
  const id = newId(Date.now());
  await putPhoto(id, { site: session.value.site, bytes: await small.arrayBuffer(), type: TYPE });
  return id;
}

async function smaller(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), TYPE, QUALITY);
  });
}
