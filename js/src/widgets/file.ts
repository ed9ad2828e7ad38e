import type { Json } from "../protocol/messages";
import { announce } from "./announce";
import { bytes } from "./bytes";
import { type Control, type ControlOptions, element, type Source } from "./control";
import { isRecord } from "./record";
import { withUnseen } from "./unseen";

/** A place to drop a file, or to choose one. */
export function fileControl(source: Source, options: ControlOptions): Control {
  const input = element("input", "driftdb-file-input", {
    type: "file",
    "aria-label": options.label,
  });
  const text = element("span", "driftdb-file-text", { dir: "auto" });
  const box = element("label", "driftdb-file", {}, input, text);
  const tell = (news: string): void => {
    text.textContent = news;
    announce(() => news);
  };

  const show = (value: Json | undefined): void => {
    const [name, size] = describe(value);
    text.textContent =
      name === null
        ? `Drop a file here, or choose one (up to ${bytes(options.limitBytes)})`
        : `${withUnseen(name)} (${bytes(size)})`;
  };
  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    if (file.size > options.limitBytes) {
      tell(`Expected at most ${bytes(options.limitBytes)}, got ${bytes(file.size)}`);
      return;
    }
    let read: ArrayBuffer;
    try {
      read = await file.arrayBuffer();
    } catch {
      // A folder was dropped, the file was moved, or it is in a cloud that can't be reached.
      tell(`${withUnseen(file.name)} can't be read`);
      return;
    }
    const data = base64(new Uint8Array(read));
    source.write({
      name: file.name,
      type: file.type,
      size: file.size,
      data: { $bytes: data },
    });
  };
  input.addEventListener("change", () => {
    void take(input.files?.[0]);
    input.value = ""; // the same file again is a change, too
  });
  for (const name of ["dragenter", "dragover"])
    box.addEventListener(name, (event) => {
      event.preventDefault();
      box.classList.add("driftdb-over");
    });
  for (const name of ["dragleave", "drop"])
    box.addEventListener(name, () => box.classList.remove("driftdb-over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!input.matches(":disabled")) void take(event.dataTransfer?.files[0]);
  });
  show(source.value);
  return { element: box, field: input, show };
}

function describe(value: Json | undefined): [string | null, number] {
  if (!isRecord(value)) return [null, 0];
  const { name, size } = value;
  return typeof name === "string" ? [name, typeof size === "number" ? size : 0] : [null, 0];
}

function base64(data: Uint8Array): string {
  let text = "";
  for (let from = 0; from < data.length; from += 0x8000)
    text += String.fromCharCode(...data.subarray(from, from + 0x8000));
  return btoa(text);
}
