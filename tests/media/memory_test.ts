/** The bound of memory: 64 MiB, whatever a medium is made of. */
import assert from "node:assert/strict";
import { makeIso, makeWindowsIso, PRO_24H2, tool, withFolder } from "./make.ts";

const MOST_KIB = 64 * 1024;

/** By how much a process grows that inspects `file` after a small one, and what it finds. */
async function probe(small: string, file: string): Promise<{ grown_kib: number; codes: string[] }> {
  const program = new URL("memory_probe.ts", import.meta.url).pathname;
  const args = ["run", "-A", "--no-check", "--lock=deno.lock", "--frozen", program, small, file];
  return JSON.parse(new TextDecoder().decode(await tool(Deno.execPath(), args)));
}

Deno.test("inspecting a medium made to take memory takes no more than 64 MiB", async (t) => {
  await withFolder(async (folder) => {
    const small = await makeIso(`${folder}/small.iso`, { "a": "a" });
    const windows = await makeWindowsIso(`${folder}/windows.iso`, [PRO_24H2]);
    const grin = "\u{1f600}";
    const media: Record<string, [string, Promise<string>]> = {
      "8 GiB of nothing": ["not_a_medium", sparse(`${folder}/sparse.iso`)],
      "a directory of 55,000 directories": ["directory_loop", wideIso(`${folder}/wide.iso`)],
      "a directory of UDF with 5,000 files": ["", manyFiles(folder)],
      "a description of nothing but elements": [
        "install_image_damaged",
        longDescription(`${folder}/xml.iso`, windows, (bytes) => "<a/>".repeat(bytes / 8)),
      ],
      "a description with a name of 1 MiB": [
        "version_unknown",
        longDescription(
          `${folder}/text.iso`,
          windows,
          (bytes) => `<WIM><IMAGE><NAME>${grin.repeat(bytes / 4 - 50)}</NAME></IMAGE></WIM>`,
        ),
      ],
    };
    for (const [name, [code, made]] of Object.entries(media)) {
      const file = await made;
      await t.step(name, async () => {
        const { grown_kib, codes } = await probe(small, file);
        assert.ok(grown_kib < MOST_KIB, `${grown_kib} KiB`);
        assert.equal(codes[0] ?? "", code);
      });
    }
  });
});

/** 8 GiB of nothing. */
async function sparse(path: string): Promise<string> {
  await Deno.writeTextFile(path, "");
  await Deno.truncate(path, 8 * 1024 ** 3);
  return path;
}

/** A directory of ISO 9660 with more entries than are looked at, each a directory that is this same one. */
async function wideIso(path: string): Promise<string> {
  await makeIso(path, { "d/x": "x" }, []);
  const old = await Deno.readFile(path);
  const root = new DataView(old.buffer).getUint32(16 * 2048 + 158, true);
  const length = 2 * 1024 * 1024, all = new Uint8Array(old.length + length), view = new DataView(all.buffer);
  all.set(old);
  for (let sector = old.length; sector < all.length; sector += 2048) {
    for (let n = 0; n < 53; n++) {
      const at = sector + n * 38;
      all.set([38, 0], at);
      // Each lies elsewhere, so that none is known from before.
      view.setUint32(at + 2, old.length / 2048 + ((sector - old.length) / 2048), true);
      view.setUint32(at + 10, length, true);
      all[at + 25] = 2;
      all.set([4, ...new TextEncoder().encode(`D${n}XX`.slice(0, 4))], at + 32);
    }
  }
  view.setUint32(16 * 2048 + 158, old.length / 2048, true);
  view.setUint32(16 * 2048 + 166, length, true);
  assert.ok(root > 0);
  await Deno.writeFile(path, all);
  return path;
}

async function manyFiles(folder: string): Promise<string> {
  await Deno.mkdir(`${folder}/many`);
  for (let n = 0; n < 5_000; n++) Deno.writeTextFileSync(`${folder}/many/a file of many ${n}`, "");
  await tool("genisoimage", ["-quiet", "-udf", "-o", `${folder}/many.iso`, `${folder}/many`]);
  return `${folder}/many.iso`;
}

/** The WIM's description, replaced by one of 1 MiB less a little at the end of the medium. */
async function longDescription(
  path: string,
  windows: string,
  make: (bytes: number) => string,
): Promise<string> {
  const old = await Deno.readFile(windows);
  const text = make(1_000_000);
  const view = new DataView(old.buffer);
  const magic = new TextEncoder().encode("MSWIM\0\0\0");
  let at = 0;
  while (!magic.every((byte, n) => old[at + n] === byte)) at += 2048;
  // Written over what follows the header; the file has to be long enough, so its length in UDF is raised in place.
  const bytes = new Uint8Array(text.length * 2);
  for (let n = 0; n < text.length; n++) new DataView(bytes.buffer).setUint16(2 * n, text.charCodeAt(n), true);
  view.setBigUint64(at + 72, BigInt(bytes.length) | (2n << 56n), true);
  view.setBigUint64(at + 80, 208n, true);
  view.setBigUint64(at + 88, BigInt(bytes.length), true);
  return await withWim(path, old.slice(at, at + 208), bytes);
}

/** A medium whose image is a header and a description, nothing else. */
async function withWim(path: string, header: Uint8Array, description: Uint8Array): Promise<string> {
  const wim = new Uint8Array(header.length + description.length);
  wim.set(header);
  wim.set(description, header.length);
  return await makeIso(path, { "sources/install.wim": wim });
}
