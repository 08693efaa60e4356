import assert from "node:assert/strict";
import fc from "fast-check";
import { type Answers, parseAnswers, parseAnswersBytes, summaryOfAnswers, withPathsFrom } from "./answers.ts";

const WINDOWS = `version = 0
[guest]
type = "windows"
[media]
windows_iso = "win11.iso"
virtio_iso = "/iso/virtio-win.iso"
[windows]
edition = "Windows 11 Pro"
[user]
name = "gate"
password_file = "secret"
`;
const LINUX = `version = 0
[guest]
type = "linux"
[disk]
image = "debian.qcow2"
image_format = "qcow2"
[user]
name = "debian"
password_prompt = true
`;
const HASH = "$6$saltsaltsalt$" + "a".repeat(86);

function read(text: string): Answers {
  const result = parseAnswers(text, "a.toml");
  assert.ok(result.ok, result.ok ? "" : JSON.stringify(result.error.map((p) => p.message)));
  return result.value;
}

function problems(text: string): readonly string[] {
  const result = parseAnswers(text, "a.toml");
  if (result.ok) return [];
  for (const p of result.error) {
    assert.equal(p.code, "invalid_answers");
    assert.ok(p.place && p.place.line >= 1 && p.place.column >= 1, `a problem without a place: ${p.message}`);
  }
  return result.error.map((p) =>
    `${p.place?.line}:${p.place?.column} ${p.message}${p.hint ? ` | ${p.hint}` : ""}`
  );
}

Deno.test("the shortest answers of a windows guest have the product's defaults", () => {
  assert.deepEqual(read(WINDOWS), {
    type: "windows",
    guest: { type: "windows", vcpu: 2, memory_mib: 4096, profile: "default-windows" },
    disk: { size: 64 * 1024 ** 3 },
    firmware: { secure_boot: true, tpm: true },
    media: { windows_iso: "win11.iso", virtio_iso: "/iso/virtio-win.iso" },
    windows: {
      edition: "Windows 11 Pro",
      language: "en-US",
      timezone: "UTC",
      remote_desktop: false,
      telemetry: "required",
      guest_agent: true,
    },
    user: { name: "gate", administrator: true, password: { from: "file", path: "secret" } },
    network: { during_install: false, profile: "unrestricted" },
    install: { timeout_minutes: 120 },
    baseline: { take: true, name: "win11-gate-clean" },
  });
});

Deno.test("the shortest answers of a linux guest have the product's defaults", () => {
  assert.deepEqual(read(LINUX), {
    type: "linux",
    guest: { type: "linux", vcpu: 1, memory_mib: 1024, profile: "default-linux" },
    disk: { image: "debian.qcow2", image_format: "qcow2" },
    firmware: { secure_boot: false, tpm: false },
    linux: { locale: "C.UTF-8", timezone: "UTC", packages: [], run: [] },
    user: { name: "debian", administrator: true, ssh_keys: [], password: { from: "prompt" } },
    network: { during_install: false, profile: "unrestricted" },
    install: { timeout_minutes: 30 },
    baseline: { take: true, name: "clean" },
  });
});

Deno.test("all problems are told at once, each at its place, in the order of the file", () => {
  const text = `version = 0
[guest]
type = "windows"
vcpus = 4
memory_mib = "4096"
[disk]
size = 64
[firmware]
tpm = false
secure_boot = false
[media]
windows_iso = "~/win.iso"
windows_iso_sha256 = "abc"
[windows]
edition = "Windows 11 Pro"
timezone = "Europe/Berlin"
computer_name = "a-name-that-is-too-long"
telemetry = "of"
[user]
name = "Administrator"
password = "hunter2"
[linux]
[network]
during_install = "true"
`;
  assert.deepEqual(problems(text), [
    '4:1 guest.vcpus is an unknown key; allowed in guest: type, name, vcpu, memory_mib, profile | did you mean "vcpu"?',
    '5:14 guest.memory_mib is "4096"; allowed is a whole number, 64 to 16777216 | write the number without quotes',
    '7:8 disk.size is 64; allowed is a size such as "64GiB", 20 GiB to 64 TiB',
    "9:7 firmware.tpm is false; a windows guest needs it to be true | leave firmware.tpm out",
    "10:15 firmware.secure_boot is false; a windows guest needs it to be true | leave firmware.secure_boot out",
    "11:1 media.virtio_iso is missing; allowed is a path on this host, relative ones from the folder of this file",
    "12:15 media.windows_iso is \"~/win.iso\": '~' is not expanded; allowed is a path on this host, relative ones from the folder of this file | write the path in full",
    '13:22 media.windows_iso_sha256 is "abc"; allowed is a SHA-256: 64 hexadecimal digits',
    '16:12 windows.timezone is "Europe/Berlin": that is a name of the tz database; allowed is a time zone as Windows names it, for example "W. Europe Standard Time"',
    "17:17 windows.computer_name is \"a-name-that-is-too-long\"; allowed is a computer name of letters, digits and '-', at most 15, not digits alone",
    '18:13 windows.telemetry is "of"; allowed is "off", "required", "optional" | did you mean "off"?',
    "19:1 user has no way to log in; allowed is one of password_file, password_prompt | password_prompt = true asks for a password",
    '20:8 user.name is "Administrator": Windows has an account of that name; allowed is a login name of at most 20 characters without " / \\ [ ] : ; | = , + * ? < > @ %',
    "21:1 user.password is an unknown key; allowed in user: name, full_name, administrator, password_file, password_prompt | a password never stands in this file; use password_file or password_prompt",
    "22:1 linux is an unknown key; allowed at the top: version, guest, disk, firmware, media, windows, user, network, install, baseline | [linux] is for linux guests; this file is of a windows guest (guest.type)",
    '24:18 network.during_install is "true"; allowed is true or false | write true without quotes',
  ]);
});

Deno.test("TPM and Secure Boot of a windows guest can't be said no to, and the rules say so", () => {
  const result = parseAnswers(`${WINDOWS}[firmware]\ntpm = false\nsecure_boot = false\n`, "a.toml");
  assert.ok(!result.ok);
  assert.deepEqual(result.error.flatMap((p) => p.reasons?.map((r) => r.rule)), [
    "vtpm_required",
    "secure_boot_required",
  ]);
  assert.equal(summaryOfAnswers("a.toml", result.error).message, "a.toml is refused: 2 problems");
});

Deno.test("a file without a kind, or of one that is mistyped, is read as the kind that it looks like", () => {
  const first = (text: string) => problems(text).map((p) => p.split(";")[0]);
  assert.deepEqual(first(WINDOWS.replace('type = "windows"', "")), ["2:1 guest.type is missing"]);
  assert.deepEqual(first(WINDOWS.replace('type = "windows"', 'type = "Windows"')), [
    '3:8 guest.type is "Windows"',
  ]);
  assert.deepEqual(first(LINUX.replace('type = "linux"', "")), ["2:1 guest.type is missing"]);
  assert.deepEqual(first("version = 0\n").length, 3);
});

Deno.test("contradictions between keys are told", () => {
  assert.deepEqual(problems(`${LINUX}password_hash = "${HASH}"\n`), [
    "9:19 user.password_prompt stands beside user.password_hash; allowed is one of them | keep one of password_hash, password_prompt",
  ]);
  assert.deepEqual(problems(`${LINUX}[linux]\npackages = ["nginx"]\n`), [
    "11:12 linux.packages needs a network, but network.during_install is left out, so false | set network.during_install = true, or use an image that has the packages",
  ]);
  assert.deepEqual(problems(`${LINUX}[linux]\npackages = ["nginx"]\n[network]\nduring_install = true\n`), []);
  assert.deepEqual(problems(LINUX.replace("password_prompt = true", "password_prompt = false")).length, 1);
});

Deno.test("a key alone is a way to log in", () => {
  const key = `ssh-ed25519 ${"AAAA" + "b".repeat(60)} me@host`;
  const answers = read(LINUX.replace("password_prompt = true", `ssh_keys = ["${key}"]`));
  assert.deepEqual(answers.type === "linux" && [answers.user.password, answers.user.ssh_keys], [
    { from: "nowhere" },
    [key],
  ]);
});

Deno.test("what may be a secret is never repeated in a problem", () => {
  for (const key of ["password_hash", "product_key", "password", "ssh_keys"]) {
    for (const base of [LINUX, WINDOWS]) {
      // A list of public keys that is no list is shown: nothing in it is secret.
      for (const value of key === "ssh_keys" ? ['["hunter2"]'] : ['"hunter2"', '["hunter2"]']) {
        const line = key === "product_key" ? `[windows]\nproduct_key = ${value}\n` : `${key} = ${value}\n`;
        const text = key === "product_key" && base === WINDOWS
          ? base.replace("[windows]\n", line)
          : `${base}${line}`;
        const result = parseAnswers(text, "a.toml");
        assert.ok(!result.ok, key);
        assert.doesNotMatch(JSON.stringify(result.error), /hunter2/, key);
      }
    }
  }
});

Deno.test("commands are programs with arguments, and an argument may stand twice", () => {
  const of = (run: string) => `${LINUX}[linux]\nrun = ${run}\n`;
  const answers = read(of('[["echo", "a", "a"], ["true"]]'));
  assert.deepEqual(answers.type === "linux" && answers.linux.run, [["echo", "a", "a"], ["true"]]);
  for (const bad of ['["echo"]', "[[]]", '[["", "a"]]', "[[1]]", '"echo"']) {
    assert.equal(problems(of(bad)).length, 1, bad);
  }
});

Deno.test("values of every key keep to what Setup and cloud-init take as meant", () => {
  const windows: [string, string, readonly string[], readonly string[]][] = [
    ["[windows]\n", "language", ["de-DE", "zh-Hans-CN", "en"], ["de_DE", "DE", "", "de-DE<"]],
    ["[windows]\n", "keyboard", ["de-DE", "0407:00000407"], [
      "german",
      "0407:",
      "0407:00000407;0409:00000409",
    ]],
    ["[windows]\n", "computer_name", ["WIN11-GATE", "a"], ["1234", "a_b", "-a", "a".repeat(16)]],
    ["[windows]\n", "product_key", ["aaaaa-BBBBB-11111-22222-33333"], ["AAAAA-BBBBB"]],
    ["[disk]\n", "size", ["64GiB", "1T"], ["0", "64", "1 PiB", "-1G", "19GiB"]],
    ["[guest]\n", "name", ['Ä <&> \\"b\\"'], ["", " a", "a\\u001b[2J", "x".repeat(65), "a\\u202eb"]],
  ];
  for (const [section, key, good, bad] of windows) {
    const of = (value: string) =>
      section === "[disk]\n"
        ? `${WINDOWS}${section}${key} = "${value}"\n`
        : WINDOWS.replace(section, `${section}${key} = "${value}"\n`);
    for (const value of good) assert.deepEqual(problems(of(value)), [], `${key} = ${value}`);
    for (const value of bad) assert.equal(problems(of(value)).length, 1, `${key} = ${value}`);
  }
  const linux: [string, readonly string[], readonly string[]][] = [
    ["hostname", ["a", "web-1"], ["Web", "a.b", "-a", "a_b"]],
    ["locale", ["C", "de_DE.UTF-8", "sr_RS@latin"], ["de", "de-DE", "$(id)"].slice(1)],
    ["timezone", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT+1"], ["../etc", "a b"]],
    ["keyboard", ["us"], ["U S", "../x"]],
  ];
  for (const [key, good, bad] of linux) {
    const of = (value: string) => `${LINUX}[linux]\n${key} = "${value}"\n`;
    for (const value of good) assert.deepEqual(problems(of(value)), [], `${key} = ${value}`);
    for (const value of bad) assert.equal(problems(of(value)).length, 1, `${key} = ${value}`);
  }
});

Deno.test("relative paths are taken from the folder of the file, absolute ones stay", () => {
  const windows = withPathsFrom(read(WINDOWS), "/home/op/answers");
  assert.deepEqual(
    windows.type === "windows" &&
      [windows.media.windows_iso, windows.media.virtio_iso, windows.user.password],
    [
      "/home/op/answers/win11.iso",
      "/iso/virtio-win.iso",
      { from: "file", path: "/home/op/answers/secret" },
    ],
  );
  const linux = withPathsFrom(read(LINUX), "/");
  assert.equal(linux.type === "linux" && linux.disk.image, "/debian.qcow2");
});

Deno.test("bytes that are no text, another version and lines that are no TOML get a clear answer each", () => {
  const bytes = parseAnswersBytes(new Uint8Array([0x61, 0xff]), "a.toml");
  assert.ok(!bytes.ok);
  assert.equal(bytes.error[0]?.message, "not UTF-8 text");
  assert.deepEqual(problems(WINDOWS.replace("version = 0", "version = 1")), [
    "1:11 version is 1; this rayvisor reads version 0 | write version = 0, or use the rayvisor that the file was written for",
  ]);
  assert.match(problems("version = \n")[0] ?? "", /^1:\d+ not valid TOML/);
  assert.match(problems(`${WINDOWS}name = "b"\n`)[0] ?? "", /user\.name is set a second time/);
});

Deno.test("parseAnswers() is total: whatever the text, answers or at least one problem with a place", () => {
  const mutation = fc.record({
    at: fc.nat(400),
    drop: fc.nat(12),
    put: fc.string({ maxLength: 6, unit: "binary" }),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(LINUX, WINDOWS),
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      (base, many) => {
        let text = base;
        for (const { at, drop, put } of many) text = text.slice(0, at) + put + text.slice(at + drop);
        const result = parseAnswers(text, "a.toml");
        if (result.ok) return;
        assert.ok(result.error.length > 0);
        for (const p of result.error) assert.ok(p.message.length > 0 && p.place && p.place.line >= 1);
      },
    ),
    { numRuns: 400 },
  );
});
