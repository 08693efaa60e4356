// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * The setup step of the tasks `demo`, `test` and `test:cloud`: finds what is missing on this host and installs it, or says how.
 * Usage: setup.ts [demo|test|cloud]. Exit code 7 when something is missing that it did not install.
 */
import { type Need, NEEDS, planSetup, type SetupPlan } from "./setup_plan.ts";

const EXIT_MISSING = 7;

async function main(): Promise<number> {
  const [purpose] = Deno.args;
  const needs = NEEDS[purpose === "demo" || purpose === "cloud" ? purpose : "test"];
  const missing = await missingOf(needs);
  const osRelease = missing.length === 0 ? "" : await Deno.readTextFile("/etc/os-release").catch(() => "");
  const plan = planSetup({ osRelease, isRoot: Deno.uid() === 0, missing });
  return await carryOut(plan, needs);
}

async function carryOut(plan: SetupPlan, needs: readonly Need[]): Promise<number> {
  switch (plan.kind) {
    case "ready":
      return 0;
    case "tell":
      say(`these are missing on this host: ${plan.missing.join(", ")}`);
      say(
        plan.command
          ? `install them with:\n\n    ${plan.command}\n`
          : "install QEMU for x86_64, swtpm and its setup tool, UEFI firmware for QEMU (edk2/OVMF), mtools; for the tests also tmux, faketime, xorriso, genisoimage, wimlib, openssl, xmllint, Python 3, libvirt with its QEMU driver and virt-install",
      );
      return EXIT_MISSING;
    case "install":
      return await install(plan.packages, needs);
  }
}

/** With the lists of packages as they are; when these are missing or out of date, once more with new ones. */
async function install(packages: readonly string[], needs: readonly Need[]): Promise<number> {
  say(`installing ${packages.join(", ")}`);
  const args = ["install", "-y", "--no-install-recommends", ...packages];
  if (!await aptGet(["-o", "Acquire::Retries=3", ...args])) {
    say("trying again with new lists of packages");
    if (!await aptGet(["update"]) || !await aptGet(["-o", "Acquire::Retries=3", ...args])) {
      say(`could not install ${packages.join(", ")}: see what apt-get said above`);
      return EXIT_MISSING;
    }
  }
  const left = await missingOf(needs);
  if (left.length === 0) return 0;
  say(`installed ${packages.join(", ")}, but these are still missing: ${left.join(", ")}`);
  return EXIT_MISSING;
}

async function aptGet(args: readonly string[]): Promise<boolean> {
  const child = new Deno.Command("apt-get", {
    args: ["-q", "-o", "Dpkg::Use-Pty=0", ...args],
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  });
  return (await child.spawn().status).success;
}

async function missingOf(needs: readonly Need[]): Promise<Need[]> {
  const there = await Promise.all(needs.map((need) => need === "firmware" ? hasFirmware() : inPath(need)));
  return needs.filter((_, n) => !there[n]);
}

async function inPath(program: string): Promise<boolean> {
  const folders = (Deno.env.get("PATH") ?? "").split(":").concat("/usr/sbin", "/sbin");
  for (const folder of folders) {
    const info = await Deno.stat(`${folder}/${program}`).catch(() => undefined);
    if (info?.isFile && ((info.mode ?? 0) & 0o111) !== 0) return true;
  }
  return false;
}

/** Whether a descriptor of QEMU (docs/interop/firmware.json) names firmware for x86_64 with Secure Boot. */
async function hasFirmware(): Promise<boolean> {
  for (const folder of ["/etc/qemu/firmware", "/usr/share/qemu/firmware"]) {
    try {
      for await (const entry of Deno.readDir(folder)) {
        if (!entry.name.endsWith(".json")) continue;
        const text = await Deno.readTextFile(`${folder}/${entry.name}`);
        if (/"secure-boot"/.test(text) && /"x86_64"/.test(text)) return true;
      }
    } catch { /* not there */ }
  }
  return false;
}

function say(text: string): void {
  console.error(`setup: ${text}`);
}

if (import.meta.main) Deno.exit(await main());
