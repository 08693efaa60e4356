/** The policy screen as it is seen. */
import assert from "node:assert/strict";
import { lineOfRow, moved } from "../../tui/screens/policy/moving.ts";
import { policyRows } from "../../tui/screens/policy/lines.ts";
import type { PolicyState } from "../../tui/screens/policy/state.ts";
import type { StatusView } from "../../src/actions/views.ts";
import type { VmId } from "../../src/core/ids.ts";
import { frame as drawn } from "../../tui/testing.ts";
import { golden, textOf, WIDTHS } from "./golden.ts";
import {
  BAD,
  checked,
  explained,
  GOOD,
  goodState,
  policyText,
  revision,
  STRICTER,
  TOO_LARGE,
} from "./policy_states.ts";
import { model, NOW, PREFS, status, useZone } from "./rules_models.ts";

useZone("UTC");

const IN_FORCE = status({ policy: { revision: revision() } });
const SAFE: StatusView = status({
  policy: {
    revision: revision(),
    safe_mode: true,
    problem: { code: "invalid_policy", message: "2 problems in the policy" },
  },
});

function shown(state: PolicyState, more: Parameters<typeof model>[0] = {}) {
  return (columns: number, rows: number) =>
    policyRows(
      model({ screen: "policy", status: IN_FORCE, ...more, screens: { policy: state } }),
      columns,
      rows,
    );
}

const GOOD_STATE = goodState();
const invalid: PolicyState = {
  ...GOOD_STATE,
  seen: { kind: "read", file: policyText(BAD) },
  panel: "problems",
  line: 7,
};
const whatIf = (more: Partial<PolicyState["whatIf"]>): PolicyState => ({
  ...GOOD_STATE,
  panel: "what_if",
  whatIf: { ...GOOD_STATE.whatIf, ...more },
});
const difference = (check: ReturnType<typeof checked>): PolicyState => ({
  ...GOOD_STATE,
  panel: "difference",
  candidate: {
    kind: "checked",
    file: { path: "/root/next.toml", text: STRICTER, signature: undefined },
    check: { kind: "known", value: check },
  },
});

golden("policy", "good", shown(moved(moved(GOOD_STATE, 5), 3)));
golden("policy", "file", shown({ ...GOOD_STATE, focus: "file", line: 20 }));
golden("policy", "unread", shown({ ...GOOD_STATE, seen: { kind: "unread" }, rights: { kind: "unasked" } }));
golden("policy", "invalid", shown(invalid, { status: SAFE }));
golden("policy", "invalid_file", shown({ ...invalid, focus: "file" }, { status: SAFE }));
golden(
  "policy",
  "safe_mode_no_file",
  shown({
    ...GOOD_STATE,
    seen: {
      kind: "none",
      why: {
        line: undefined,
        before: "",
        length: 1,
        path: "",
        message: "there is no policy file at /var/rayos/policy/rayos-policy.toml",
        hint: "`rayvisor init` writes a commented one",
      },
    },
    rights: { kind: "known", value: null },
  }, { status: status({ policy: { revision: "none", safe_mode: true } }) }),
);
golden(
  "policy",
  "what_if_allowed",
  shown(whatIf({ action: "vm.start", answer: { kind: "known", value: explained(GOOD, "vm.start") } })),
);
golden(
  "policy",
  "what_if_denied",
  shown(whatIf({ answer: { kind: "known", value: explained(GOOD, "vm.start", undefined, TOO_LARGE) } })),
);
golden(
  "policy",
  "what_if_network",
  shown(whatIf({
    action: "net.set",
    field: "profile",
    profile: "office",
    answer: { kind: "known", value: explained(GOOD, "net.set", "office") },
  })),
);
golden("policy", "difference", shown(difference(checked(GOOD, STRICTER))));
golden("policy", "difference_path", shown({ ...GOOD_STATE, panel: "difference", typing: "/root/next.toml" }));
golden(
  "policy",
  "difference_bad",
  shown({
    ...GOOD_STATE,
    panel: "difference",
    candidate: {
      kind: "bad",
      path: "/root/next.toml",
      problems: policyText(BAD).problems,
      lines: policyText(BAD).lines,
    },
  }),
);

Deno.test("the line of a right is told apart in the file, as the cursor moves in the rights", () => {
  const at = (by: number) => moved(GOOD_STATE, by);
  for (let by = 0; by < 27; by++) {
    const state = at(by);
    const line = lineOfRow(state);
    if (line === undefined) continue;
    const rows = shown(state)(120, 60);
    const marked = textOf(rows, 120).split("\n").find((text) => /^▸ +\d+ /.test(text));
    assert.match(marked ?? "", new RegExp(`^▸ +${line} `));
  }
});

Deno.test("lines of rights by another policy than the file's are not told as lines of the file", () => {
  const state = moved(moved(GOOD_STATE, 5), 0);
  const text = textOf(shown(state, { status: status({ policy: { revision: "0".repeat(64) } }) })(80, 40), 80);
  assert.match(text, /line 23 of the policy in force; the file that is shown is another/);
});

Deno.test("the program draws the rows as they are, below the banner of safe mode", () => {
  for (const columns of WIDTHS) {
    const now = model({
      screen: "policy",
      status: SAFE,
      screens: { policy: invalid },
    });
    const frame = drawn(now, { columns, rows: 30 });
    assert.match(frame, /SAFE MODE: nothing is started or widened/);
    for (const text of textOf(policyRows(now, columns, 25), columns).split("\n")) {
      assert.ok(frame.split("\n").includes(text), text);
    }
  }
});

Deno.test("read aloud, file and panel come one after the other, never side by side", () => {
  const prefs = { ...PREFS, screenReader: true };
  const now = model({ screen: "policy", status: IN_FORCE, prefs, screens: { policy: GOOD_STATE } });
  assert.doesNotMatch(textOf(policyRows(now, 200, 24), 200), /│/);
});

Deno.test("plain ASCII says the same", () => {
  const prefs = { ...PREFS, unicode: false };
  for (const state of [GOOD_STATE, invalid, difference(checked(GOOD, STRICTER))]) {
    const rows = policyRows(
      model({ screen: "policy", status: IN_FORCE, prefs, screens: { policy: state } }),
      120,
      24,
    );
    assert.match(textOf(rows, 120, "~"), /^[\x20-\x7e\n]*$/);
  }
});

Deno.test("a file full of terminal commands is shown without them", () => {
  const hostile = `${GOOD}\n# \u001b]0;title\u0007\u009b2J \u202ereversed\n\u001b[31mkey = 1\n`;
  const state: PolicyState = {
    ...GOOD_STATE,
    focus: "file",
    seen: { kind: "read", file: policyText(hostile) },
  };
  // deno-lint-ignore no-control-regex -- what must not be there
  assert.doesNotMatch(textOf(shown(state)(120, 60), 120), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});

Deno.test("a policy that stops a guest says so before it is put in force", () => {
  const check = checked(GOOD, STRICTER, {
    consequences: [{
      vm: "web" as VmId,
      steps: [{ kind: "stop", reason: { rule: "kind_disabled", why: "linux.enabled is false" } }],
    }],
  });
  assert.match(textOf(shown(difference(check), { now: NOW })(120, 24), 120), /web: stopped \(kind_disabled/);
});
