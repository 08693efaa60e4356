import assert from "node:assert/strict";
import type { EditionReport, MediumReport, VirtioMedium, WindowsMedium } from "../media/report.ts";
import { parseAnswers, type WindowsAnswers } from "./answers.ts";
import { mediaFault } from "./media_fit.ts";

function answersOf(windows = "", network = false): WindowsAnswers {
  const read = parseAnswers(
    `version = 0
[guest]
type = "windows"
[media]
windows_iso = "/iso/win.iso"
virtio_iso = "/iso/virtio.iso"
[windows]
edition = "Windows 11 Pro"
${windows}
[network]
during_install = ${network}
[user]
name = "op"
password_prompt = true
`,
    "answers.toml",
  );
  assert.ok(read.ok && read.value.type === "windows", JSON.stringify(read));
  return read.value;
}

const DISC = { label: "", file_systems: ["udf"], volume_bytes: 0, files: 1, directories: 1 } as const;
const PRO: EditionReport = {
  index: 1,
  name: "Windows 11 Pro",
  architecture: "amd64",
  languages: ["en-US", "de-DE"],
  windows_11_23h2_or_later: "yes",
};
const EFI = { platform: "efi", bootable: true } as WindowsMedium["disc"]["boot"][number]; // nothing else of it is looked at

const WINDOWS: WindowsMedium = {
  kind: "windows",
  path: "/iso/win.iso",
  bytes: 1,
  title: "installation medium of Windows 11 24H2",
  problems: [],
  warnings: [],
  disc: { ...DISC, boot: [EFI] },
  image: undefined,
  editions: [PRO],
  windows_11_23h2_or_later: "yes",
};

const driver = (name: string, missing: readonly string[] = [], path = `${name}/w11/amd64`) =>
  ({ name, purpose: "", path, catalog: "signed", names_microsoft: true, missing }) as const;

const VIRTIO: VirtioMedium = {
  kind: "virtio-win",
  path: "/iso/virtio.iso",
  bytes: 1,
  title: "drivers for Windows guests",
  problems: [],
  warnings: [],
  disc: { ...DISC, boot: [] },
  version: "0.1.266",
  drivers: [driver("viostor"), driver("vioserial"), driver("NetKVM")],
  guest_agent: true,
  guest_tools: true,
  checked: "",
};

const PAGE: MediumReport = {
  kind: "not-a-medium",
  path: "/iso/win.iso",
  bytes: 1,
  title: "a web page",
  problems: [{ code: "not_a_medium", message: "this is no medium: a web page", hint: "download it again" }],
  warnings: [],
};

Deno.test("mediaFault() finds nothing to say of media that are as the answers have them", () => {
  assert.equal(mediaFault(answersOf(), WINDOWS, VIRTIO), undefined);
  assert.equal(mediaFault(answersOf('language = "de-DE"', true), WINDOWS, VIRTIO), undefined);
  const unsaid = { ...WINDOWS, editions: [{ ...PRO, languages: [] }] };
  assert.equal(mediaFault(answersOf('language = "de-DE"'), unsaid, VIRTIO), undefined);
});

Deno.test("mediaFault() says what is wrong with a medium, and what it has instead", () => {
  const edition = (more: Partial<EditionReport>) => ({ ...WINDOWS, editions: [{ ...PRO, ...more }] });
  const cases: [WindowsAnswers, MediumReport, MediumReport, RegExp, RegExp?][] = [
    [answersOf(), PAGE, VIRTIO, /win\.iso is no medium of Windows 11 that can be used: .*web page/, /again/],
    [answersOf(), VIRTIO, VIRTIO, /virtio\.iso is no medium of Windows 11/],
    [answersOf(), WINDOWS, WINDOWS, /win\.iso is no medium of virtio drivers/, /iso inspect/],
    [
      answersOf(),
      { ...WINDOWS, problems: [{ code: "truncated", message: "cut off" }] },
      VIRTIO,
      /used: cut off/,
    ],
    [answersOf(), edition({ name: "Windows 11 Home" }), VIRTIO, /no edition "Windows 11 Pro"/, /Home/],
    [answersOf(), edition({ windows_11_23h2_or_later: "no" }), VIRTIO, /older than Windows 11 23H2/],
    [answersOf(), edition({ architecture: "arm64" }), VIRTIO, /for arm64/],
    [answersOf('language = "fr-FR"'), WINDOWS, VIRTIO, /not in fr-FR/, /en-US, de-DE/],
    [answersOf(), { ...WINDOWS, disc: { ...DISC, boot: [] } }, VIRTIO, /no boot image for EFI/],
    [answersOf(), WINDOWS, { ...VIRTIO, drivers: [] }, /viostor, vioserial$/],
    [
      answersOf(),
      WINDOWS,
      { ...VIRTIO, drivers: [driver("viostor", ["viostor.sys"]), driver("vioserial")] },
      /amd64: viostor$/,
    ],
    [
      answersOf(),
      WINDOWS,
      { ...VIRTIO, drivers: [driver("viostor", [], "amd64/w11"), driver("vioserial")] },
      /amd64: viostor$/,
    ],
    [answersOf("", true), WINDOWS, {
      ...VIRTIO,
      drivers: [driver("viostor"), driver("vioserial")],
    }, /: NetKVM$/],
    [answersOf(), WINDOWS, { ...VIRTIO, guest_agent: false }, /qemu-ga-x86_64\.msi$/],
  ];
  for (const [answers, windows, virtio, message, hint = /.*/] of cases) {
    const fault = mediaFault(answers, windows, virtio);
    assert.match(fault?.message ?? "none", message);
    assert.match(fault?.hint ?? "", hint);
  }
  assert.equal(
    mediaFault(answersOf("guest_agent = false"), WINDOWS, { ...VIRTIO, guest_agent: false }),
    undefined,
  );
});
