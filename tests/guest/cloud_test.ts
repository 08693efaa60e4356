import assert from "node:assert/strict";
import { PLAIN_ENV, run } from "../../src/ports/processes.ts";
import { type BootedGuest, bootGuest } from "./boot.ts";
import { cloudTestImage } from "./cloud.ts";
import { GUEST_MEMORY_MIB } from "./recipe.ts";
import { SEED_READER } from "./seed_script.ts";

/** A NoCloud seed as a medium. */
async function seedMedium(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  const from = await Deno.makeTempDir({ dir: folder });
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${from}/${name}`, text);
  const medium = `${from}.iso`;
  const made = await run("xorriso", {
    args: ["-as", "mkisofs", "-quiet", "-V", "cidata", "-J", "-r", "-o", medium, from],
  });
  assert.equal(made.code, 0, made.stderr);
  return medium;
}

async function inTempDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const YAML = `#cloud-config
hostname: "web-1"
users:
  - name: 'me'
power_state:
  delay: now
  mode: poweroff
`;
const SETTINGS = {
  users: [{ name: "me" }],
  hostname: "web-1",
  power_state: { mode: "poweroff", delay: "now" },
};

for (
  const [form, text] of [
    ["plain YAML", YAML],
    ["YAML with the line ends of Windows", YAML.replaceAll("\n", "\r\n")],
    ["JSON in one line", `#cloud-config\n${JSON.stringify(SETTINGS)}\n`],
    ["JSON over many lines", `#cloud-config\n${JSON.stringify(SETTINGS, null, 2)}\n`],
  ] as const
) {
  Deno.test(`the test guest reads user-data in ${form}`, () =>
    inTempDir(async (dir) => {
      await Deno.writeTextFile(`${dir}/user-data`, text);
      const script = `${SEED_READER}\nfor key in hostname mode fqdn; do echo "$key=$(value "$1" $key)"; done`;
      const { stdout } = await run("sh", { args: ["-c", script, "sh", `${dir}/user-data`], env: PLAIN_ENV });
      assert.equal(stdout, "hostname=web-1\nmode=poweroff\nfqdn=\n");
    }));
}

Deno.test("a seeded guest takes its name, powers off once the host has heard its agent, and still has its name without the seed", () =>
  inTempDir(async (folder) => {
    const image = `${folder}/disk.img`;
    await Deno.copyFile(await cloudTestImage(), image);
    await Deno.chmod(image, 0o600);
    const boot = async (cdrom: string | undefined, test: (guest: BootedGuest) => Promise<void>) => {
      const guest = await bootGuest({
        image,
        folder,
        secureBoot: true,
        memoryMib: GUEST_MEMORY_MIB,
        keepWrites: true,
        ...(cdrom ? { cdrom } : {}),
      });
      try {
        await test(guest);
        assert.equal(await guest.exited, 0);
      } finally {
        await guest.close();
      }
    };
    const hasName = async (guest: BootedGuest) =>
      assert.match(await guest.agent('{"execute":"guest-get-host-name"}') ?? "", /"first-host"/);

    const seed = await seedMedium(folder, {
      "meta-data": "instance-id: one\n",
      "user-data": `#cloud-config\n${
        JSON.stringify({ hostname: "first-host", power_state: { mode: "poweroff" } })
      }\n`,
    });
    await boot(seed, async (guest) => {
      await guest.waitFor(/^DISK vda boots=1$/);
      await guest.waitFor(/^CLOUD-INIT done instance=one host=first-host$/);
      await guest.waitFor(/^GUEST-READY/);
      await hasName(guest);
      await guest.waitFor(/^SHUTDOWN poweroff$/);
    });
    await boot(undefined, async (guest) => {
      await guest.waitFor(/^DISK vda boots=2$/);
      await guest.waitFor(/^PROVISIONED instance=one host=first-host$/);
      await guest.waitFor(/^GUEST-READY/);
      await hasName(guest);
      const off = guest.agent('{"execute":"guest-shutdown"}');
      await guest.waitFor(/^SHUTDOWN poweroff$/);
      await off;
    });
  }));
