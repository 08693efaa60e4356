import assert from "node:assert/strict";
import { run } from "../../src/ports/processes.ts";
import { bootGuest } from "./boot.ts";
import { cloudTestImage } from "./cloud.ts";
import { GUEST_MEMORY_MIB } from "./recipe.ts";

/** A NoCloud seed as a medium, made by xorriso. */
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

async function withDisk(test: (folder: string, image: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const image = `${folder}/disk.img`;
    await Deno.copyFile(await cloudTestImage(), image);
    await Deno.chmod(image, 0o600);
    await test(folder, image);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const BOOT = { secureBoot: true, memoryMib: GUEST_MEMORY_MIB, keepWrites: true };

Deno.test("a guest without a seed says so; with one it takes its name, waits for the host, powers off, and knows it later", () =>
  withDisk(async (folder, image) => {
    const boot = async (
      cdrom: string | undefined,
      test: (guest: Awaited<ReturnType<typeof bootGuest>>) => Promise<void>,
    ) => {
      const guest = await bootGuest({ ...BOOT, image, folder, ...(cdrom ? { cdrom } : {}) });
      try {
        await test(guest);
      } finally {
        await guest.close();
      }
    };
    const off = async (guest: Awaited<ReturnType<typeof bootGuest>>) => {
      const asked = guest.agent('{"execute":"guest-shutdown"}');
      await guest.waitFor(/^SHUTDOWN poweroff$/);
      assert.equal(await guest.exited, 0);
      await asked;
    };
    await boot(undefined, async (guest) => {
      await guest.waitFor(/^UNPROVISIONED$/);
      await guest.waitFor(/^GUEST-READY/);
      await off(guest);
    });
    const seed = await seedMedium(folder, {
      "meta-data": "instance-id: one\n",
      "user-data": "#cloud-config\n" +
        JSON.stringify({ hostname: "first-host", power_state: { delay: "now", mode: "poweroff" } }) + "\n",
    });
    await boot(seed, async (guest) => {
      await guest.waitFor(/^CLOUD-INIT done instance=one host=first-host$/);
      await guest.waitFor(/^GUEST-READY/);
      assert.match(await guest.agent('{"execute":"guest-get-host-name"}') ?? "", /"first-host"/);
      await guest.waitFor(/^SHUTDOWN poweroff$/);
      assert.equal(await guest.exited, 0);
    });
    await boot(undefined, async (guest) => {
      await guest.waitFor(/^PROVISIONED instance=one host=first-host$/);
      await guest.waitFor(/^GUEST-READY/);
      assert.match(await guest.agent('{"execute":"guest-get-host-name"}') ?? "", /"first-host"/);
      await off(guest);
    });
  }));
