/** The screen of provisioning as it is seen. */
import assert from "node:assert/strict";
import type { ProvisionPlanView, ProvisionView } from "../../src/actions/views.ts";
import type { LoggedEvent } from "../../src/audit/log.ts";
import { Secret } from "../../src/core/secret.ts";
import { STEPS } from "../../src/provision/wizard_questions.ts";
import { answerQuestion, nextQuestion, startWizard, type WizardFacts } from "../../src/provision/wizard.ts";
import type { Model } from "../../tui/model.ts";
import { EMPTY, fieldOf } from "../../tui/screens/provision/field.ts";
import { provisionRows } from "../../tui/screens/provision/lines.ts";
import type { HostLook, Making, Mode } from "../../tui/screens/provision/state.ts";
import { golden } from "./golden.ts";
import { guest, model, NOW, PREFS, useZone } from "./rules_models.ts";

useZone("UTC");

const WINDOWS: Readonly<Record<string, string>> = {
  "guest.type": "windows",
  "guest.name": "For the gate",
  "media.windows_iso": "/iso/Win11_24H2_English_x64.iso",
  "media.virtio_iso": "/iso/virtio-win.iso",
  "user.name": "op",
};
const LINUX: Readonly<Record<string, string>> = {
  "guest.type": "linux",
  "disk.image": "/img/debian-12-genericcloud-amd64.qcow2",
  "user.name": "op",
  "firmware.tpm": "yes",
};
const FACTS: WizardFacts = { editions: ["Windows 11 Home", "Windows 11 Pro"], languages: ["en-US"] };

/** Answers up to a question, or all of them. */
function making(
  said: Readonly<Record<string, string>>,
  until?: (id: string, step: string) => boolean,
): Making {
  const facts = said["guest.type"] === "windows" ? FACTS : {};
  let wizard = startWizard();
  for (let question = nextQuestion(wizard, facts); question; question = nextQuestion(wizard, facts)) {
    if (until?.(question.id, question.step)) break;
    const next = answerQuestion(wizard, question, said[question.id] ?? "");
    assert.ok(next.ok, question.id);
    wizard = next.value;
  }
  return { id: "web-1", wizard, facts, refusals: [], remarks: [], looking: false };
}

function shown(mode: Mode, more: Partial<Omit<Model, "screens">> = {}) {
  return (columns: number, rows: number) =>
    provisionRows(model({ ...more, screens: { provision: { mode, number: 1 } } }), columns, rows);
}

const ask = (of: Making, more: Partial<Extract<Mode, { kind: "ask" }>> = {}): Mode => ({
  ...{ kind: "ask", making: of, field: EMPTY, choice: undefined },
  ...more,
});

golden("provision", "id", shown({ kind: "id", field: fieldOf("Web"), wrong: "that is no id" }));
for (const step of STEPS) {
  const said = step === "firmware" ? LINUX : WINDOWS;
  golden("provision", `ask_${step}`, shown(ask(making(said, (_, at) => at === step))));
}
golden(
  "provision",
  "ask_edition",
  shown(ask(making(WINDOWS, (id) => id === "windows.edition"), { choice: 1 })),
);
golden(
  "provision",
  "ask_wrong",
  shown(ask(making(LINUX, (id) => id === "guest.vcpu"), {
    field: fieldOf("many"),
    wrong: '"many"; allowed is a whole number, 1 to 512',
  })),
);

golden(
  "provision",
  "ask_spoken",
  shown(ask(making(WINDOWS, (_, at) => at === "user")), { prefs: { ...PREFS, screenReader: true } }),
);

const LINUX_MADE = making(LINUX);
const REMARKED = { ...LINUX_MADE, remarks: ["software emulation, about ten times slower"] };
const DENIED = { ...LINUX_MADE, refusals: ["vm.define would be denied: policy grants at most 2 vCPUs"] };
const LOOKED: HostLook = {
  kind: "looked",
  faults: [
    { check_id: "host.swap", status: "WARN", details: "no swap", remediation: "", blocking: false },
  ],
};
const BLOCKED: HostLook = {
  kind: "looked",
  faults: [{
    ...{ check_id: "host.command.swtpm", status: "FAIL", details: "swtpm is not installed" },
    ...{ remediation: "apt-get install swtpm", blocking: true },
  }],
};
const review = (of: Making, host: Extract<Mode, { kind: "review" }>["host"]): Mode => ({
  ...{ kind: "review", making: of, at: 4, host },
});

golden("provision", "review", shown(review(LINUX_MADE, { kind: "looked", faults: [] })));
golden("provision", "review_remarks", shown(review(REMARKED, LOOKED)));
golden("provision", "review_windows", shown(review(making(WINDOWS), { kind: "looking" })));
golden("provision", "review_denied", shown(review(DENIED, { kind: "looked", faults: [] })));
golden("provision", "review_host", shown(review(LINUX_MADE, BLOCKED)));

const PLAN = {
  vm: "web-1",
  type: "linux",
  decisions: [
    { action: "vm.define", effect: "allow", reasons: [{ rule: "allowed", why: "every layer lets it pass" }] },
    {
      action: "net.set",
      effect: "deny",
      reasons: [{
        rule: "network_default_off",
        why: "networking is off",
        where: "linux.networking (line 31)",
      }],
    },
  ],
  obstacle: null,
  remarks: ["software emulation, about ten times slower"],
  steps: [
    {
      ...{ step: "media", title: "brings the install media together and builds the one with the answers" },
      does: [
        "makes /var/rayos/vm/linux/web-1/provision/seed.iso",
        "xorriso -as mkisofs -V cidata -o seed.iso user-data",
      ],
    },
    {
      step: "disk",
      title: "makes the disk",
      does: ["qemu-img convert -O qcow2 /img/debian.qcow2 disk.qcow2"],
    },
  ],
} as unknown as ProvisionPlanView; // the rest is not shown

golden(
  "provision",
  "dry_run",
  shown({ kind: "plan", making: LINUX_MADE, plan: { kind: "came", plan: PLAN }, scroll: 0 }),
);
golden(
  "provision",
  "password",
  shown({
    ...{ kind: "password", making: LINUX_MADE, host: LOOKED, typed: new Secret("hunter2") },
    first: new Secret("hunter2"),
  }),
);
golden(
  "provision",
  "save",
  shown({ kind: "save", making: LINUX_MADE, field: fieldOf("web-1.toml"), saving: false }),
);

const run = (vm: string, more: Partial<ProvisionView> = {}): ProvisionView => ({
  ...{ vm, step: "install", state: "running", phase: "writes to its disk" },
  ...{ begun_at: "2026-01-31T11:56:50Z", restarts: 1, os: null, baseline: "clean", why: null },
  ...more,
});
const RUNS = [
  run("web-1"),
  run("win11-gate", { step: "media", state: "failed", why: "no room is left" }),
  run("old", { state: "interrupted", step: "verify" }),
];
function event(second: number, name: string, fields: LoggedEvent["fields"]): LoggedEvent {
  const time = new Date(NOW - second * 1000).toISOString();
  return { time, level: "info", component: "provision", event: name, fields: { vm: "web-1", ...fields } };
}
const EVENTS = [
  event(190, "RAYOS_PROVISION:begin", { step: "media" }),
  event(120, "RAYOS_PROVISION:step", { step: "install" }),
  event(60, "RAYOS_PROVISION:step", { step: "install", phase: "after restart 1" }),
  { ...event(50, "RAYOS_VM:start", {}), fields: { vm: "other" } },
];
const running: Mode = {
  ...{ kind: "run", vm: "web-1", begun: true, looked: undefined },
  serial: [
    "[    0.000000] Linux version 6.1.0",
    "\u001b[31mcloud-init\u001b[0m\u202e modules",
    "web-1 login:",
  ],
};
const guests = [guest("web-1", { state: "running" })];

golden("provision", "list", shown({ kind: "runs", at: 1 }, { provisioning: RUNS }));
golden("provision", "list_empty", shown({ kind: "runs", at: 0 }));
golden(
  "provision",
  "list_read_only",
  shown({ kind: "runs", at: 0 }, { prefs: { ...PREFS, readOnly: true } }),
);
golden("provision", "run", shown(running, { provisioning: RUNS, events: EVENTS, guests }));
golden(
  "provision",
  "run_ascii",
  shown(running, {
    ...{ provisioning: RUNS, events: EVENTS, guests },
    prefs: { ...PREFS, unicode: false },
  }),
);
golden(
  "provision",
  "run_failed",
  shown({ ...running, vm: "win11-gate", serial: [] }, { provisioning: RUNS }),
);
golden("provision", "run_interrupted", shown({ ...running, vm: "old", serial: [] }, { provisioning: RUNS }));
golden(
  "provision",
  "run_done",
  shown({ ...running, outcome: { kind: "done", os: "Debian GNU/Linux 12 (bookworm)" } }, {
    events: EVENTS,
    guests,
  }),
);
