/** The answers file in words: a template to fill in, and the page of its keys. Both are made from the schema. */
import { GUEST_KINDS, type GuestKind } from "../core/ids.ts";
import type { Field } from "../core/shape.ts";
import { formatBytes } from "../core/units.ts";
import { answersKeys } from "./answers_schema.ts";

/** What a template shows for keys without a default. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  "guest.name": "For the gate",
  "media.windows_iso": "/path/to/Win11_24H2_English_x64.iso",
  "media.windows_iso_sha256": "0".repeat(64),
  "media.virtio_iso": "/path/to/virtio-win.iso",
  "media.virtio_iso_sha256": "0".repeat(64),
  "disk.image": "/path/to/debian-12-genericcloud-amd64.qcow2",
  "disk.image_format": "qcow2",
  "disk.image_sha256": "0".repeat(64),
  "windows.edition": "Windows 11 Pro",
  "windows.keyboard": "de-DE",
  "windows.computer_name": "GATE",
  "windows.product_key": "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX",
  "linux.hostname": "debian",
  "linux.keyboard": "de",
  "user.name": "operator",
  "user.full_name": "The Operator",
  "user.password_file": "/path/to/password",
  "user.password_hash": `$6$salt$${"x".repeat(86)}`,
};

/** Written without a '#': what must be there, and the one way to log in that needs nothing prepared. */
const FILLED = ["user.password_prompt"];

/** A whole answers file of a kind, commented, every key shown; it loads as it stands, with the paths in it made up. */
export function answersTemplate(kind: GuestKind): string {
  const lines = [
    `# Answers for a ${kind} guest, version 0:  rayvisor provision ID --answers THIS_FILE`,
    "# A line behind '#' shows the default, or an example where there is none. Try it with --dry-run.",
    "# A password never stands here. Relative paths are taken from the folder of this file.",
  ];
  for (const [path, field] of answersKeys(kind)) {
    const [section, key] = path.split(".");
    if (field.shape.fields) lines.push("", `# ${field.doc}`, `[${path}]`);
    else if (key === undefined) lines.push("", `${path} = 0`);
    else lines.push(keyLine(kind, `${section}.${key}`, key, field));
  }
  lines.push("");
  return lines.join("\n");
}

function keyLine(kind: GuestKind, path: string, key: string, field: Field<unknown>): string {
  const filled = FILLED.includes(path);
  const value = path === "guest.type" ? kind : filled ? true : written(path, field);
  const stands = field.presence === "required" || filled;
  return `${`${stands ? "" : "# "}${key} = ${JSON.stringify(value)}`.padEnd(42)} # ${field.doc}`;
}

/** A default as it is written in a file. */
function written(path: string, field: Field<unknown>): unknown {
  if (path === "disk.size") return typeof field.fallback === "number" ? sizeText(field.fallback) : "20GiB";
  return field.fallback === undefined ? EXAMPLES[path] : field.fallback;
}

function sizeText(bytes: number): string {
  return formatBytes(bytes).replace(" ", "");
}

/** The text of `docs/answers.md`. */
export function answersMarkdown(): string {
  return [
    HEAD,
    ...GUEST_KINDS.flatMap((kind) => ["", `## Keys of a ${kind} guest`, "", ...keyTable(kind)]),
    "",
  ].join("\n");
}

function keyTable(kind: GuestKind): readonly string[] {
  const rows = answersKeys(kind).map(([path, field]) => {
    const { shape, presence, doc } = field;
    const value = presence === "required"
      ? "required"
      : field.fallback === undefined
      ? ""
      : `\`${JSON.stringify(written(path, field))}\``;
    const allowed = shape.fields
      ? "a table"
      : shape.want.replaceAll("|", "\\|").replaceAll("*", "\\*").replaceAll("<", "\\<");
    return `| \`${path}\` | ${allowed} | ${value} | ${doc} |`;
  });
  return ["| key | allowed | default | meaning |", "|---|---|---|---|", ...rows];
}

const HEAD = `<!-- deno-fmt-ignore-file -->
# Answers files, version 0

Generated from \`src/provision/answers_schema.ts\` and \`src/provision/answers_text.ts\`; a test fails when this page and they differ.

\`rayvisor provision ID --answers FILE.toml\` makes a guest without a question. The file says everything that the wizard would
ask. It is read as the policy is: unknown keys are refused, and every problem is told at once with its line. Policy still
decides what the guest may have; an answers file only asks.

## Secrets

A password never stands in the file. It comes from \`user.password_file\` (its first line; the file must belong to who runs
rayvisor and have mode 0600), from a question on the terminal (\`user.password_prompt\`), or, for a Linux guest, as a hash
(\`user.password_hash\`, as \`openssl passwd -6\` makes it). It is never an argument of a program, and in no log.

- **Linux**: cloud-init gets the hash alone (SHA-512 crypt, made by \`openssl passwd -6 -stdin\`).
- **Windows**: Windows Setup takes no hash. Its answer file has the password in base64, with a fixed word behind it. That hides it
  from a glance and from nothing else: **whoever has the seed medium has the password.** So the medium has mode 0600, is taken
  out when the installation has ended, and the guest deletes its own copies of the answer file before it goes off for the first
  time. A snapshot or a copy of the disk from before that moment has them still.

## What a Windows guest is told

The answer file (\`autounattend.xml\`) is on a medium of its own. It has Setup
- take the language, the edition by its name, and the key: yours, or the one that Microsoft publishes for the edition, which
  activates nothing. None is published for Home; Setup may ask for one there;
- make a GPT on disk 0: EFI 260 MiB, MSR 16 MiB, Windows the rest. That disk is the guest's only one, and no run begins on one
  that is not empty;
- load the virtio drivers of disk, agent and network from the medium of the drivers, whatever letter it has. They are not
  copied: what is installed is what the medium's hash says;
- make a local account, so that the first run ends without a network and without a Microsoft account;
- keep the firewall on, and Remote Desktop off unless asked for;
- install the drivers and the guest agent from their MSI packages when the account logs in for the first and only time by
  itself. Not the bundle of all guest tools: it has SPICE's agent, which shares the clipboard;
- power the guest off at the very end, and only where the agent runs. That is what tells the host that it is finished.

What Setup checks of TPM, Secure Boot and memory it goes on checking: \`firmware.secure_boot\` and \`firmware.tpm\` can't be false
for a Windows guest, and nothing in the answer file talks Setup out of a check.

## What a Linux guest is told

The image is copied and grown; the copy is told by a NoCloud seed (\`cidata\`) to make one user, lock root, set names and
locale, run the agent, install packages, run your commands, and power off at the very end. The first command that fails ends
that, and the guest stays on: the run then fails when its time is over. The image must have cloud-init, and the guest agent
unless \`network.during_install\` is true.`;
