/** Live and installation media of Linux, by the files that each family of them has. */
import { sanitizeLine } from "../core/sanitize.ts";
import { damageOf } from "./access.ts";
import type { DiscFacts, Found, LinuxMedium } from "./report.ts";
import { find, type Tree } from "./tree.ts";

interface Sign {
  readonly path: string;
  /** Called so, where the file says nothing better. */
  readonly family: string;
  /** Takes the name from the file's text. */
  readonly name?: (text: string) => string | undefined;
}

const firstLine = (text: string) => text.split("\n").find((line) => line.trim() !== "");
const treeInfo = (text: string) => {
  const value = (key: string) => new RegExp(`^${key}\\s*=\\s*(.+)$`, "m").exec(text)?.[1];
  const family = value("family") ?? value("name");
  return family === undefined ? undefined : `${family} ${value("version") ?? ""}`.trim();
};

const SIGNS: readonly Sign[] = [
  { path: ".disk/info", family: "Debian or a relative", name: firstLine },
  { path: ".treeinfo", family: "Fedora or a relative", name: treeInfo },
  { path: ".discinfo", family: "Fedora or a relative", name: (text) => text.split("\n")[1] },
  { path: "LiveOS/squashfs.img", family: "Fedora or a relative" },
  {
    path: "arch/version",
    family: "Arch Linux",
    name: (text) => `Arch Linux ${firstLine(text) ?? ""}`.trim(),
  },
  { path: "arch/x86_64/airootfs.sfs", family: "Arch Linux" },
  { path: ".alpine-release", family: "Alpine Linux", name: firstLine },
  { path: "casper/vmlinuz", family: "Ubuntu or a relative" },
  { path: "live/vmlinuz", family: "Debian or a relative" },
  { path: "boot/x86_64/loader/linux", family: "openSUSE or a relative" },
  { path: "nix-store.squashfs", family: "NixOS" },
];

export async function inspectLinux(tree: Tree, disc: DiscFacts): Promise<Found<LinuxMedium> | undefined> {
  for (const sign of SIGNS) {
    const entry = await find(tree, sign.path);
    if (!entry || entry.directory) continue;
    let said: string | undefined;
    try {
      const bytes = sign.name ? await (await entry.open()).read(0, 4096) : undefined;
      said = bytes && sign.name?.(new TextDecoder().decode(bytes));
    } catch (error) {
      damageOf(error); // the file is there, which is enough to know the family
    }
    const name = said === undefined ? sign.family : sanitizeLine(said, 120);
    return { kind: "linux-live", title: `medium of Linux: ${name}`, disc, name, problems: [], warnings: [] };
  }
  return undefined;
}
