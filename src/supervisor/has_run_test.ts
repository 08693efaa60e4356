import assert from "node:assert/strict";
import type { Phase } from "../audit/record.ts";
import type { VmId } from "../core/ids.ts";
import { hasRun } from "./has_run.ts";

const vm = "g1" as VmId;
const record = (action: string, phase: Phase = "observed", of = "g1") => ({ vm: of as VmId, action, phase });

Deno.test("a guest has not run when the last that is told of it is the beginning of its start", () => {
  const earlier = [record("vm.stopped"), record("vm.running"), record("vm.start", "started")];
  const start = [record("vm.start"), record("vm.start", "started"), record("vm.start", "requested")];
  assert.equal(hasRun([...start, ...earlier], vm), false);
  assert.equal(hasRun([record("vm.start", "outcome_unknown"), ...start, ...earlier], vm), false);
  assert.equal(hasRun([record("vm.running", "observed", "other"), ...start], vm), false);
});

Deno.test("a guest has run when it was told to since its start, whatever came then", () => {
  const ran = [record("vm.running"), record("vm.start"), record("vm.start", "started")];
  assert.equal(hasRun(ran, vm), true);
  assert.equal(hasRun([record("vm.reset", "started"), record("vm.pause", "finished"), ...ran], vm), true);
  assert.equal(hasRun([record("vm.start", "failed"), record("vm.start", "requested"), ...ran], vm), true);
});

Deno.test("a guest of which nothing is told counts as one that has run", () => {
  assert.equal(hasRun([], vm), true);
  assert.equal(hasRun([record("vm.start", "started", "other")], vm), true);
});
