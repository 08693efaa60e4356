import assert from "node:assert/strict";
import { statusView } from "../tests/fakes/tui_views.ts";
import { statusOf } from "./answers.ts";
import { frame, testModel } from "./testing.ts";
import { stubScreens } from "../tests/fakes/stub_screens.ts";

Deno.test("a status is taken as it is; one without what the frame is made of is none", () => {
  const whole = statusView([]);
  assert.equal(statusOf(whole), whole);
  for (const part of ["supervisor", "policy", "audit", "sums", "storage", "guests", "provisioning"]) {
    assert.equal(statusOf({ ...whole, [part]: undefined }), undefined, part);
    assert.equal(statusOf({ ...whole, [part]: [1] }), undefined, part);
  }
  assert.equal(statusOf(null), undefined);
  assert.equal(statusOf({ ...whole, guests: [{ id: "web" }] }), undefined);
});

Deno.test("a screen that can't show what came says so, and the others are there", () => {
  const screens = stubScreens();
  const broken = {
    ...screens,
    guests: {
      ...screens.guests,
      view: () => {
        throw new TypeError("x is undefined");
      },
    },
  };
  const text = frame(testModel({}, broken), { screens: broken, mayFail: true });
  assert.match(text, /This screen can't be shown: x is undefined/);
  assert.match(text, /2 Policy/);
});

Deno.test("a supervisor of another version is told of in a banner", () => {
  const status = statusView([]);
  const shown = (version: string) =>
    frame(testModel({ status: { ...status, supervisor: { ...status.supervisor, version } } }), {
      columns: 120,
    });
  assert.match(shown("0.2.0"), /The supervisor is version 0\.2\.0, this program is 0\.1\.0/);
  assert.doesNotMatch(shown("0.1.0"), /The supervisor is version/);
});
