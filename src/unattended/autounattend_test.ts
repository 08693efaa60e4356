import assert from "node:assert/strict";
import fc from "fast-check";
import { password, windowsText } from "../../tests/properties/answers_arbitrary.ts";
import { run } from "../ports/processes.ts";
import { autounattend, computerNameOf, obscured } from "./autounattend.ts";
import { setupKeyOf } from "./setup_keys.ts";
import { testAnswers, testId } from "./testing.ts";
import { LONGEST_COMMAND } from "./windows_commands.ts";

const FIXTURES = new URL("../../tests/fixtures/unattended/", import.meta.url);
const SCHEMA = new URL("./autounattend.xsd", import.meta.url).pathname;

function answerFile(text: string, secret = "hunter2"): string {
  const answers = testAnswers(text);
  assert.ok(answers.type === "windows");
  return autounattend(answers, { id: testId("gate-1"), password: secret });
}

function fixture(name: string): string {
  return answerFile(Deno.readTextFileSync(new URL(`${name}.toml`, FIXTURES)));
}

/** What xmllint has against these files by the schema, or nothing. */
async function faultsOf(files: readonly string[]): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const paths = await Promise.all(files.map(async (text, index) => {
      const path = `${folder}/${index}.xml`;
      await Deno.writeTextFile(path, text);
      return path;
    }));
    const result = await run("xmllint", { args: ["--noout", "--nonet", "--schema", SCHEMA, ...paths] });
    return result.code === 0 ? "" : result.stderr;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The text of every element of a name; entities as they are. */
function texts(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map(([, text]) => text ?? "");
}

const NAMES = ["windows-plain", "windows-every-key", "windows-home-without-agent"];

Deno.test("the answer files of the fixtures pass the schema", async () => {
  assert.equal(await faultsOf(NAMES.map(fixture)), "");
});

Deno.test("the schema refuses what rayvisor would never write", async () => {
  const plain = fixture("windows-plain");
  const changes: [string, string, string][] = [
    ["another disk", "<DiskID>0</DiskID>", "<DiskID>1</DiskID>"],
    ["an unknown element", "<DynamicUpdate>", "<Bypass>1</Bypass><DynamicUpdate>"],
    ["a pass twice", 'pass="specialize"', 'pass="windowsPE"'],
    ["an unknown component", "Microsoft-Windows-Deployment", "Microsoft-Windows-Something"],
    ["a key that is none", "W269N-", "W269-"],
    ["a list entry that is not told so", '<LocalAccount wcm:action="add">', "<LocalAccount>"],
    ["a password in plain text", "<PlainText>false</PlainText>", "<PlainText>true</PlainText>"],
    ["a licence that is not accepted", "<AcceptEula>true", "<AcceptEula>false"],
    ["another processor", 'processorArchitecture="amd64"', 'processorArchitecture="x86"'],
    ["an empty command", />reg\.exe add .* \/f</.exec(plain)?.[0] ?? "", "><"],
  ];
  for (const [what, from, to] of changes) {
    assert.ok(plain.includes(from), what);
    assert.notEqual(await faultsOf([plain.replace(from, to)]), "", what);
  }
});

Deno.test("any valid answers give an answer file that parses and passes the schema", async () => {
  const files: string[] = [];
  fc.assert(
    fc.property(windowsText, password, (text, secret) => {
      files.push(answerFile(text, secret));
    }),
    { numRuns: 150 },
  );
  assert.equal(await faultsOf(files), "");
});

Deno.test("no command is longer than an answer file may hold", () => {
  const name = "'".repeat(20);
  const xml = answerFile(`version = 0
[guest]
type = "windows"
[media]
windows_iso = "a"
virtio_iso = "b"
[windows]
edition = "x"
[user]
name = "${name}"
administrator = false
password_prompt = true
`);
  for (const line of [...texts(xml, "CommandLine"), ...texts(xml, "Path")]) {
    const plain = line.replaceAll(/&(amp|lt|gt|quot|apos);/g, "x");
    assert.ok(plain.length <= LONGEST_COMMAND, line);
  }
});

Deno.test("each component has the content that is its own", () => {
  const first = (xml: string) =>
    [...xml.matchAll(/<component name="([^"]+)"[^>]*>\s*<([A-Za-z_]+)/g)].map(([, name, child]) =>
      `${name} ${child}`
    );
  for (const name of NAMES) {
    assert.deepEqual(first(fixture(name)), [
      "Microsoft-Windows-International-Core-WinPE SetupUILanguage",
      "Microsoft-Windows-PnpCustomizationsWinPE DriverPaths",
      "Microsoft-Windows-Setup DynamicUpdate",
      "Microsoft-Windows-Shell-Setup ComputerName",
      "Microsoft-Windows-TerminalServices-LocalSessionManager fDenyTSConnections",
      "Networking-MPSSVC-Svc DomainProfile_EnableFirewall",
      "Microsoft-Windows-Deployment RunSynchronous",
      "Microsoft-Windows-International-Core InputLocale",
      "Microsoft-Windows-Shell-Setup AutoLogon",
    ]);
  }
});

Deno.test("nothing in any answer file talks Setup or the first run out of a check", async () => {
  const bypass =
    /labconfig|bypass|mosetup|AllowUpgradesWithUnsupported|SkipMachineOOBE|SkipUserOOBE|appraiser/i;
  fc.assert(fc.property(windowsText, (text) => assert.doesNotMatch(answerFile(text), bypass)), {
    numRuns: 50,
  });
  for (const name of NAMES) assert.doesNotMatch(fixture(name), bypass);
  // Nor does the source know a way to.
  for await (const entry of Deno.readDir(new URL(".", import.meta.url))) {
    if (!entry.name.endsWith(".ts") || entry.name.endsWith("_test.ts")) continue;
    const source = await Deno.readTextFile(new URL(entry.name, import.meta.url));
    assert.doesNotMatch(source, bypass, entry.name);
  }
});

Deno.test("Remote Desktop is off and its port closed unless asked for; the firewall is on in any case", () => {
  const off = fixture("windows-plain"), on = fixture("windows-every-key");
  assert.deepEqual([texts(off, "fDenyTSConnections"), texts(off, "Active")], [["true"], ["false"]]);
  assert.deepEqual([texts(on, "fDenyTSConnections"), texts(on, "Active")], [["false"], ["true"]]);
  for (const profile of ["Domain", "Private", "Public"]) {
    assert.deepEqual(texts(on, `${profile}Profile_EnableFirewall`), ["true"]);
  }
});

Deno.test("the last command powers off, and only where the agent runs that the host waits for", () => {
  const last = (name: string) => texts(fixture(name), "CommandLine").at(-1);
  // Every word before the last must succeed: an error ends the line.
  assert.match(
    last("windows-plain") ?? "",
    /^powershell\.exe .*\$ErrorActionPreference = &apos;Stop&apos;; .*WaitForStatus\(&apos;Running&apos;, .*\); shutdown\.exe \/s \/t 0&quot;$/,
  );
  assert.equal(last("windows-home-without-agent"), "shutdown.exe /s /t 0");
});

Deno.test("the password is hidden as Windows reads it, and stands nowhere as it is", () => {
  assert.equal(obscured("hunter2"), "aAB1AG4AdABlAHIAMgBQAGEAcwBzAHcAbwByAGQA");
  assert.equal(new TextDecoder("utf-16le").decode(Uint8Array.fromBase64(obscured("Ä😀"))), "Ä😀Password");
  const xml = fixture("windows-plain");
  assert.doesNotMatch(xml, /hunter2/);
  assert.deepEqual(new Set(texts(xml, "PlainText")), new Set(["false"]));
});

Deno.test("a key is published for business editions alone, and one of the operator's own goes first", () => {
  assert.equal(setupKeyOf("Windows 11 Pro"), "W269N-WFGWX-YVC9B-4J6C9-T83GX");
  assert.equal(setupKeyOf("windows 11 ENTERPRISE N"), "DPH2V-TTNVB-4X9Q3-TJR4H-KHJW4");
  assert.equal(setupKeyOf("Windows 11 Home"), undefined);
  assert.equal(setupKeyOf("Windows 11 constructor"), undefined);
  assert.match(fixture("windows-every-key"), /<Key>AAAAA-BBBBB-CCCCC-DDDDD-EEEEE<\/Key>/);
  assert.doesNotMatch(fixture("windows-home-without-agent"), /ProductKey/);
});

Deno.test("a computer name is made of any id", () => {
  const of = (id: string) => computerNameOf(testId(id));
  assert.deepEqual(
    ["gate", "win11.gate_1-long-name", "12345", "0b8e8a3c-5b7c-4f0e-9d6f-3c8b2a1d4e5f", "a-------------.b"]
      .map(of),
    ["GATE", "WIN11-GATE-1-LO", "WIN-12345", "0B8E8A3C-5B7C-4", "A-B"],
  );
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/).filter((id) => !id.includes("..")), (id) => {
      assert.match(of(id), /^(?![0-9]+$)[A-Z0-9]([A-Z0-9-]{0,13}[A-Z0-9])?$/);
    }),
  );
});
