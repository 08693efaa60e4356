import assert from "node:assert/strict";
import { scriptOf } from "./script.ts";

const PLACE = { from: "/r", to: "/copy of r", tpmSocket: "/copy of r/tpm.sock" };

Deno.test("scriptOf() starts the same programs in another place, QEMU without -S", () => {
  const script = scriptOf([
    { program: "swtpm", args: ["socket", "dir=/r/tpm"] },
    { program: "qemu", args: ["-name", "it's", "-S", "-drive", "/r/disk"] },
  ], PLACE);
  assert.deepEqual(script.split("\n"), [
    "trap 'kill $pids' TERM",
    "rm -f '/copy of r/tpm.sock'",
    "swtpm socket 'dir=/copy of r/tpm' & pids=\"$pids $!\"",
    "until [ -S '/copy of r/tpm.sock' ]; do sleep 0.001; done",
    "qemu -name 'it'\\''s' -drive '/copy of r/disk' & pids=\"$pids $!\"",
    "wait",
    "",
  ]);
});

Deno.test("scriptOf() waits for no swtpm when the guest has none", () => {
  assert.doesNotMatch(scriptOf([{ program: "qemu", args: ["-S"] }], PLACE), /until/);
});

Deno.test("scriptOf() refuses a command line that would not start the same thing", () => {
  for (const commands of [[], [{ program: "qemu", args: ["-name", "x"] }]]) {
    assert.throws(() => scriptOf(commands, PLACE), /-S/);
  }
});
