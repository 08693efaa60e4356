/** UEFI variables and TPM state of a guest that is brought in: never lost without a word. */
import assert from "node:assert/strict";
import { makeImage } from "./images.ts";
import { withRoot } from "./rig.ts";

Deno.test("state that is not found or of no use stops an import, until it is said that it may be lost", () =>
  withRoot(async (rig) => {
    await rig.ok(...["vm", "define", "--type", "linux", "--id", "l1"], ...[
      "--memory",
      "128",
      "--disk",
      "1G",
      "--tpm",
    ]);
    const outside = await Deno.makeTempDir({ prefix: "rv-out-" });
    const out = (name: string) => `${outside}/${name}`;
    const conf = out("six.conf");
    const importing = ["vm", "import", conf];
    const home = `${rig.root}/vm/linux/six`;
    try {
      await makeImage(out("disk.qcow2"), "4M", 1);
      await Deno.writeTextFile(conf, 'disk_img="disk.qcow2"\ntpm="on"\nram="64M"\ncpu_cores=1\n');
      const both = await rig.fails(4, ...importing);
      assert.deepEqual(both.problems.map(({ path }: { path: string }) => path), [
        out("OVMF_VARS.fd"),
        out("tpm2-00.permall"),
      ]);
      // An empty file is no state, and variables of another firmware are of no use to this one.
      await Deno.writeFile(out("tpm2-00.permall"), new Uint8Array());
      await Deno.writeFile(out("OVMF_VARS.fd"), new Uint8Array(1024 * 1024));
      assert.match((await rig.fails(1, ...importing)).message, /TPM is empty/);
      const other = await rig.fails(2, ...importing, "--new-tpm");
      assert.match(other.message, /have 1048576 bytes/);
      assert.match(other.hint, /--new-variables/);
      assert.equal((await rig.fails(2, ...importing, "--new-tpm", "--tpm-state", outside)).code, "usage");
      await assert.rejects(Deno.stat(home), Deno.errors.NotFound);
      const { notes } = await rig.ok(...importing, "--new-tpm", "--new-variables");
      assert.match(notes.join("\n"), /permall is empty: .*new and empty TPM\n.*new set of UEFI variables/);
      assert.ok((await Deno.stat(`${home}/tpm/tpm2-00.permall`)).size > 0);
      // What is found comes along whatever is said.
      const kept = `${rig.root}/vm/linux/l1/tpm/tpm2-00.permall`;
      await Deno.copyFile(kept, out("tpm2-00.permall"));
      await rig.ok(...importing, "--new-tpm", "--new-variables", "--id", "seven");
      assert.deepEqual(
        await Deno.readFile(`${rig.root}/vm/linux/seven/tpm/tpm2-00.permall`),
        await Deno.readFile(kept),
      );
      // State that stays in the data root is looked for there.
      const { text } = await rig.ok("vm", "export", "l1", "--format", "libvirt");
      await Deno.writeTextFile(out("l1.xml"), text);
      await rig.ok("vm", "delete", "l1", "--yes");
      await Deno.remove(kept);
      const gone = await rig.fails(4, "vm", "import", out("l1.xml"));
      assert.match(gone.message, /TPM is not there: .*\/vm\/linux\/l1\/tpm\/tpm2-00\.permall$/);
      const back = await rig.ok("vm", "import", out("l1.xml"), "--new-tpm");
      assert.deepEqual(back.notes, ["the guest begins with a new and empty TPM"]);
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  }));
