import assert from "node:assert/strict";
import { NEEDS, planSetup, type SetupPlan } from "./setup_plan.ts";

const missing = ["swtpm", "swtpm_setup", "firmware", "mformat", "mcopy"] as const;
const tell = (command: string): SetupPlan => ({ kind: "tell", missing, command });

const TABLE: [string, string, boolean, SetupPlan][] = [
  ["installs as root on Debian", "ID=debian\n", true, {
    kind: "install",
    packages: ["mtools", "ovmf", "swtpm", "swtpm-tools"],
  }],
  ["installs as root on what is like Ubuntu", 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', true, {
    kind: "install",
    packages: ["mtools", "ovmf", "swtpm", "swtpm-tools"],
  }],
  [
    "names the command on Debian without root",
    "ID=debian\n",
    false,
    tell(
      "sudo apt-get update && sudo apt-get install -y --no-install-recommends mtools ovmf swtpm swtpm-tools",
    ),
  ],
  [
    "names dnf on Fedora, even for root",
    "ID=fedora\n",
    true,
    tell("dnf install -y edk2-ovmf mtools swtpm swtpm-tools"),
  ],
  [
    "names pacman on Arch",
    "ID=arch\n",
    false,
    tell("sudo pacman -S --needed --noconfirm edk2-ovmf mtools swtpm"),
  ],
  [
    "names zypper on openSUSE",
    'ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n',
    false,
    tell("sudo zypper --non-interactive install mtools qemu-ovmf-x86_64 swtpm"),
  ],
  ["names what is missing on an unknown system", "ID=haiku\n", true, { kind: "tell", missing }],
  ["names what is missing where nothing says what the system is", "", false, { kind: "tell", missing }],
];

for (const [name, osRelease, isRoot, plan] of TABLE) {
  Deno.test(`planSetup() ${name}`, () => assert.deepEqual(planSetup({ osRelease, isRoot, missing }), plan));
}

Deno.test("planSetup() has nothing to do when nothing is missing, whatever the system", () => {
  assert.deepEqual(planSetup({ osRelease: "ID=haiku\n", isRoot: false, missing: [] }), { kind: "ready" });
});

Deno.test("the tests need everything that the demo needs", () => {
  for (const need of NEEDS.demo) assert.ok(NEEDS.test.includes(need), need);
});
