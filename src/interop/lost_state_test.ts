import assert from "node:assert/strict";
import { lostNote, lostProblem, type LostState } from "./lost_state.ts";

const TPM: LostState = { kind: "tpm", from: "/srv/t/tpm2-00.permall", why: "absent" };
const VARIABLES: LostState = { kind: "variables", from: "/srv/v.fd", why: "unreadable" };

Deno.test("lostProblem() names what is missing, where it was looked for, and the way out", () => {
  const { code, message, hint, path } = lostProblem([TPM]);
  assert.deepEqual([code, path], ["not_found", TPM.from]);
  assert.match(message, /the state of its TPM is not there: \/srv\/t\/tpm2-00\.permall/);
  assert.match(hint ?? "", /--tpm-state FOLDER, or give --new-tpm: .*BitLocker/);
  assert.doesNotMatch(hint ?? "", /--new-variables/);
});

Deno.test("lostProblem() tells all at once, and by its code that something is there after all", () => {
  const { code, message, hint, problems } = lostProblem([TPM, VARIABLES]);
  assert.equal(code, "io");
  assert.match(message, /TPM is not there: .*; .*UEFI variables may not be read by this user: \/srv\/v\.fd$/);
  assert.match(hint ?? "", /--new-tpm.*--new-variables/);
  assert.deepEqual(problems?.map((one) => [one.code, one.path]), [["not_found", TPM.from], [
    "io",
    VARIABLES.from,
  ]]);
});

Deno.test("lostNote() says what became of the state that was not found", () => {
  assert.equal(lostNote(TPM), `${TPM.from} is not there: the guest begins with a new and empty TPM`);
  assert.equal(
    lostNote({ ...VARIABLES, why: "empty" }),
    "/srv/v.fd is empty: the guest begins with a new set of UEFI variables",
  );
});
