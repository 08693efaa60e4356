/** What a check is tried with: a change of the good host, and what it must say then. */
import assert from "node:assert/strict";
import { ended, type FakeHost, mediumOf, VIRSH } from "../fakes/fake_host.ts";
import type { MediumLook } from "../../src/preflight/medium.ts";
import type { PreflightWishes } from "../../src/preflight/options.ts";
import type { Status } from "../../src/preflight/types.ts";

export interface Case {
  readonly id: string;
  readonly when: string;
  readonly change: (host: FakeHost) => void;
  readonly status: Status;
  readonly says: RegExp;
  readonly todo?: RegExp;
  readonly wishes?: Partial<PreflightWishes>;
}

export const file = (path: string, text: string | undefined) => (host: FakeHost) => {
  if (text === undefined) delete host.files[path];
  else host.files[path] = text;
};
export const without = (program: string) => (host: FakeHost) => void delete host.programs[program];
export const qemu = (change: object) => (host: FakeHost) => {
  assert.ok(typeof host.qemu !== "string");
  host.qemu = { ...host.qemu, ...change };
};
export const medium = (change: Partial<MediumLook>) => (host: FakeHost) => {
  host.media["/iso/win.iso"] = { ...mediumOf("windows", 6 * 1024 ** 3), ...change };
};
export const virsh =
  (line: keyof typeof VIRSH, stdout: string, code = 0, stderr = "") => (host: FakeHost) => {
    host.answers[VIRSH[line]] = ended(stdout, code, stderr);
  };
export const outsider = (host: FakeHost) => {
  host.files["/proc/self/status"] = "Gid:\t1000\t1000\t1000\t1000\nGroups:\t1000\n";
  host.files["/etc/group"] = "kvm:x:104:\nlibvirt:x:105:\n";
};
export const OLD = {
  keks: ["Microsoft Corporation KEK CA 2011"],
  db: ["Microsoft Windows Production PCA 2011"],
};
export const APT = "sudo apt-get update && sudo apt-get install -y --no-install-recommends";
