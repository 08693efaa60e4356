/** A Windows guest from answers to baseline with everything real but Windows: a stand-in boots by signed loaders and asks for a key. */
import assert from "node:assert/strict";
import { layoutOf } from "../../registry/layout.ts";
import { HOME_23H2, makeIso, makeWindowsIso, PRO_24H2, withFolder } from "../media/make.ts";
import { checkProvisioned, endOf, marker, provisioning } from "./provision_rig.ts";
import {
  filesWithAny,
  makeStandIn,
  makeVirtio,
  WINDOWS_PASSWORD,
  WINDOWS_POLICY,
  writeWindowsAnswers,
} from "./provision_windows_rig.ts";
import { type Ran, type Rig, serialUntil, withRoot } from "./rig.ts";

const BASELINE = "win11-gate-clean";

async function logOf(rig: Rig): Promise<string[]> {
  const log = await Deno.readTextFile(layoutOf(rig.root).rayosLog);
  return log.split("\n").filter((line) => line.includes("vm=gate"));
}

/** Folders of guests, and runs. */
async function nothingBegun(rig: Rig): Promise<void> {
  assert.deepEqual([...Deno.readDirSync(`${rig.root}/vm/windows`)], []);
  assert.deepEqual((await rig.ok("status")).provisioning, []);
}

/** Kills the supervisor at that marker; the guest goes on without it. */
async function cutOff(
  rig: Rig,
  at: (event: string, phase: unknown) => boolean,
  ...args: string[]
): Promise<void> {
  await rig.run("vm", "list"); // a supervisor is there
  const { supervisor } = await rig.ok("status");
  let ran: Promise<Ran> | undefined;
  await marker(rig, "gate", (event, { phase }) => at(event, phase), () => {
    ran = endOf(provisioning(rig, "gate", ...args));
  });
  Deno.kill(supervisor.pid, "SIGKILL");
  assert.equal((await ran)?.code, 6);
  await rig.run("vm", "list");
  const { provisioning: [run], presented } = await rig.ok("status");
  assert.deepEqual([run?.step, run?.state, presented], ["install", "interrupted", null]);
}

/** Markers of the guest in the order in which each must come after the one before it. */
const ORDER = [
  /RAYOS_PROVISION:begin/,
  /step=install phase=firmware/,
  /RAYOS_PRESENTATION:on/,
  // Killed here; the medium asked when nobody was there, and asks again.
  /RAYOS_PROVISION:begin/,
  /RAYOS_HOST_ACK:vm\.reset:ok/,
  /RAYOS_PRESENTATION:on/,
  /RAYOS_INPUT:accepted vm=gate events=[1-9]\d*$/,
  /RAYOS_PRESENTATION:off/,
  /step=install phase=setup/,
  // Killed here; Setup goes on.
  /RAYOS_PROVISION:begin/,
  /step=install phase="after restart 1"/,
  /RAYOS_WINDOWS_VM_READY/,
  /step=detach/,
  /step=verify/,
  /RAYOS_WINDOWS_VM_READY/,
  /step=baseline/,
  /RAYOS_SNAPSHOT:create/,
  /RAYOS_PROVISION:done.* restarts=1 /,
];

/** What must have come at most so often. */
const COUNTS = [[/RAYOS_INPUT:accepted/, 1], [/RAYOS_HOST_ACK:vm\.reset/, 1], [/installed anew/, 0], [
  /RAYOS_WINDOWS_VM_READY/,
  2,
]] as const;

Deno.test("a windows guest gets its key, its answers and its baseline, though its supervisor is killed before the key and during Setup", () =>
  withFolder((outside) =>
    withRoot(async (rig) => {
      await Deno.mkdir(`${rig.root}/media`, { mode: 0o700 });
      const media = {
        windows: await makeStandIn(`${outside}/win.iso`),
        virtio: await makeVirtio(`${rig.root}/media/virtio.iso`),
      };
      const answers = await writeWindowsAnswers(rig, media);
      // Preflight takes media of this size for cut off.
      await cutOff(rig, (event) => event === "RAYOS_PRESENTATION:on", "--answers", answers, "--no-preflight");
      await serialUntil(rig, "gate", (text) => text.includes("NO-KEY"));
      await cutOff(rig, (_, phase) => phase === "setup");
      const ran = await rig.run("--json", "provision", "gate");
      assert.equal(ran.code, 0, JSON.stringify(ran));
      await checkProvisioned(rig, "gate", BASELINE, "windows");
      assert.equal((await rig.ok("status")).presented, null);

      const log = await logOf(rig);
      let at = -1;
      for (const part of ORDER) {
        at = log.findIndex((line, n) => n > at && part.test(line));
        assert.ok(at >= 0, `${part} is not where it should be in\n${log.join("\n")}`);
      }
      for (const [part, most] of COUNTS) {
        assert.equal(log.filter((line) => part.test(line)).length, most, `${part} in\n${log.join("\n")}`);
      }
      const said = await Deno.readTextFile(layoutOf(rig.root).guest("windows", "gate").serialLog);
      assert.match(said, /INSTALLED first edition=Windows 11 Pro user=op/, "what Setup was told");
      assert.match(said, /INSTALLED again/);

      assert.deepEqual(await filesWithAny(rig.root, [WINDOWS_PASSWORD]), [`${rig.root}/password`]);
      assert.deepEqual(
        await filesWithAny(`${rig.root}/vm`, ["<unattend", "CCCOMA_X64FRE", "virtio-win-0"]),
        [],
      );
      // The medium outside was copied and is as it was; the one in the root was used where it lies.
      assert.deepEqual([...Deno.readDirSync(outside)].map(({ name }) => name), ["win.iso"]);
      assert.deepEqual([...Deno.readDirSync(`${rig.root}/media`)].map(({ name }) => name), ["virtio.iso"]);
      await rig.ok("audit", "verify");
    }, WINDOWS_POLICY)
  ));

Deno.test("media that are not what the answers mean are refused before anything is done", () =>
  withFolder((folder) =>
    withRoot(async (rig) => {
      const windows = await makeWindowsIso(`${folder}/win.iso`, [HOME_23H2, PRO_24H2]);
      const virtio = await makeVirtio(`${folder}/virtio.iso`);
      const page = `${folder}/page.iso`;
      await Deno.writeTextFile(page, `<!DOCTYPE html><html><body>${"Sign in ".repeat(9000)}</body></html>`);
      const linux = await makeIso(`${folder}/linux.iso`, { "readme.txt": "not it" });
      const good = { windows, virtio };
      const cases = [
        [8, good, { edition: "Windows 11 Enterprise" }, /no edition "Windows 11 Enterprise"/],
        [1, { windows: page, virtio }, {}, /no medium of Windows 11.*web page/],
        [1, { windows, virtio: linux }, {}, /no medium of virtio drivers/],
        [1, { windows, virtio: windows }, {}, /no medium of virtio drivers/],
        [4, { windows, virtio: `${folder}/nowhere.iso` }, {}, /no medium .*nowhere/],
        [
          1,
          good,
          { media: `windows_iso_sha256 = "${"0".repeat(64)}"` },
          /another file than the answers mean/,
        ],
        [1, good, { media: `virtio_iso_sha256 = "${"1".repeat(64)}"` }, /another file than the answers mean/],
      ] as const;
      for (const [code, media, more, why] of cases) {
        const answers = await writeWindowsAnswers(rig, media, more);
        const error = await rig.fails(code, "provision", "gate", "--answers", answers, "--no-preflight");
        assert.match(error.message, why);
        await nothingBegun(rig);
      }
      // The host is looked at first, and that says the same.
      const answers = await writeWindowsAnswers(rig, { windows: page, virtio });
      assert.match((await rig.fails(7, "provision", "gate", "--answers", answers)).message, /web page/);
      await nothingBegun(rig);
    }, WINDOWS_POLICY)
  ));

Deno.test("what policy does not grant a windows guest is said before anything is done: showing it, keys, a small disk", () =>
  withFolder((folder) =>
    withRoot(async (rig) => {
      const media = {
        windows: await makeWindowsIso(`${folder}/win.iso`, [PRO_24H2]),
        virtio: await makeVirtio(`${folder}/virtio.iso`),
      };
      const large = WINDOWS_POLICY.replaceAll("512", "4096").replace("mem_mib = 1024", "mem_mib = 4096");
      const cases = [
        [
          WINDOWS_POLICY.replace("present = true", "present = false"),
          {},
          "presentation_not_allowed",
          /presented/,
        ],
        [
          WINDOWS_POLICY.replace("vtpm = true\ninput = true", "vtpm = true"),
          {},
          "input_not_allowed",
          /input/,
        ],
        [large.replace("allow_below_minimum = true", ""), { memoryMib: 4096 }, "below_minimum", /disk of 20/],
      ] as const;
      for (const [policy, more, rule, why] of cases) {
        await rig.write("next.toml", policy);
        await rig.ok("policy", "apply", `${rig.root}/next.toml`);
        const answers = await writeWindowsAnswers(rig, media, more);
        const error = await rig.fails(3, "provision", "gate", "--answers", answers, "--no-preflight");
        assert.deepEqual([...new Set(error.reasons.map((reason: { rule: string }) => reason.rule))], [rule]);
        assert.match(error.message, why);
        await nothingBegun(rig);
      }
    }, WINDOWS_POLICY)
  ));

Deno.test("a dry run of a windows guest says every step and hides its password and its key", () =>
  withFolder((folder) =>
    withRoot(async (rig) => {
      const media = {
        windows: await makeWindowsIso(`${folder}/win.iso`, [PRO_24H2]),
        virtio: await makeVirtio(`${folder}/virtio.iso`),
      };
      const key = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE";
      const answers = await writeWindowsAnswers(rig, media);
      await Deno.writeTextFile(
        answers,
        (await Deno.readTextFile(answers)).replace("[user]", `product_key = "${key}"\n[user]`),
      );
      const ran = await rig.run("provision", "gate", "--answers", answers, "--dry-run");
      assert.equal(ran.code, 0, JSON.stringify(ran));
      for (
        const part of [
          "vm.present: allow",
          "vm.input: allow",
          "copy ",
          "autounattend.xml",
          "Enter",
          "swtpm_setup",
        ]
      ) {
        assert.ok(ran.stdout.includes(part), `${part} is missing in ${ran.stdout}`);
      }
      assert.ok(ran.stdout.includes(media.windows) && !ran.stdout.includes("undefined"), ran.stdout);
      await Deno.writeTextFile(`${folder}/shown.txt`, ran.stdout + ran.stderr);
      assert.deepEqual(await filesWithAny(folder, [WINDOWS_PASSWORD, key]), []);
      const other = await writeWindowsAnswers(rig, media, { edition: "Windows 11 Home" });
      const shown = await rig.run("provision", "gate", "--answers", other, "--dry-run");
      assert.equal(shown.code, 8);
      assert.match(shown.stdout, /1\. media: /, "the plan is shown all the same");
      assert.match(shown.stderr, /no edition "Windows 11 Home"/);
      await nothingBegun(rig);
    }, WINDOWS_POLICY)
  ));
