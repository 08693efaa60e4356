import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAnswers } from "./answers.ts";
import {
  answerQuestion,
  askAgain,
  draftToml,
  fileOf,
  goBack,
  nextQuestion,
  type Question,
  questionsOf,
  startWizard,
  wizardAnswers,
  type WizardFacts,
  type WizardState,
} from "./wizard.ts";
import { ENTRIES, STEPS } from "./wizard_questions.ts";

/** Goes through the wizard; an answer that is not given is an empty one. */
function walk(
  answers: Readonly<Record<string, string>>,
  facts: WizardFacts = {},
  state = startWizard(),
): WizardState {
  for (let question = nextQuestion(state, facts); question; question = nextQuestion(state, facts)) {
    const next = answerQuestion(state, question, answers[question.id] ?? "");
    assert.ok(next.ok, `${question.id}: ${next.ok ? "" : next.error}`);
    state = next.value;
  }
  return state;
}

const WINDOWS = {
  "guest.type": "windows",
  "media.windows_iso": "/iso/win.iso",
  "media.virtio_iso": "/iso/virtio.iso",
  "windows.edition": "Windows 11 Pro",
  "user.name": "gate",
};
const LINUX = {
  "guest.type": "linux",
  "disk.image": "/img/debian.qcow2",
  "user.name": "debian",
};

Deno.test("with only what has no default said, a windows guest has the defaults of an answers file", () => {
  const { draft } = walk(WINDOWS);
  const answers = wizardAnswers(draft);
  const file = parseAnswers(
    `version = 0
[guest]
type = "windows"
[media]
windows_iso = "/iso/win.iso"
virtio_iso = "/iso/virtio.iso"
[windows]
edition = "Windows 11 Pro"
[user]
name = "gate"
password_prompt = true
`,
    "a",
  );
  assert.deepEqual(answers, file);
});

Deno.test("a linux guest is asked other things, and what follows from an answer is asked after it", () => {
  const asked = (answers: Readonly<Record<string, string>>) => walk(answers).done;
  assert.deepEqual(asked(LINUX), [
    "guest.type",
    "guest.name",
    "guest.profile",
    "disk.image",
    "disk.image_format",
    "disk.size",
    "guest.vcpu",
    "guest.memory_mib",
    "firmware.secure_boot",
    "firmware.tpm",
    "linux.hostname",
    "linux.locale",
    "linux.timezone",
    "linux.keyboard",
    "user.name",
    "user.full_name",
    "user.administrator",
    "user.login",
    "user.ssh_keys",
    "network.during_install",
    "baseline.take",
    "baseline.name",
  ]);
  assert.ok(asked({ ...LINUX, "network.during_install": "yes" }).includes("linux.packages"));
  assert.ok(!asked({ ...LINUX, "baseline.take": "no" }).includes("baseline.name"));
  const file = { ...WINDOWS, "user.login": "file", "user.password_file": "/secret" };
  assert.ok(asked(file).includes("user.password_file"));
  assert.ok(!asked(WINDOWS).some((id) => id.startsWith("firmware.")));
});

Deno.test("every answer reaches the file", () => {
  const key = `ssh-ed25519 ${"AAAA" + "b".repeat(60)} me@host`;
  const { draft } = walk({
    ...LINUX,
    "guest.name": "Web 1",
    "disk.size": "20GiB",
    "guest.vcpu": "3",
    "firmware.tpm": "yes",
    "user.login": "key",
    "user.ssh_keys": key,
    "network.during_install": "yes",
    "linux.packages": "nginx, curl",
    "baseline.take": "no",
  });
  const answers = wizardAnswers(draft);
  assert.ok(answers.ok && answers.value.type === "linux");
  const { guest, disk, firmware, linux, user, network, baseline } = answers.value;
  assert.deepEqual([guest.name, guest.vcpu, disk.size, firmware.tpm], ["Web 1", 3, 20 * 1024 ** 3, true]);
  assert.deepEqual([linux.packages, user.ssh_keys, user.password], [["nginx", "curl"], [key], {
    from: "nowhere",
  }]);
  assert.deepEqual([network.during_install, baseline.take], [true, false]);
});

Deno.test("what is said can be written as an answers file that says the same", () => {
  for (const said of [WINDOWS, { ...LINUX, "network.during_install": "yes", "linux.packages": "a b" }]) {
    const { draft } = walk(said);
    assert.deepEqual(parseAnswers(draftToml(draft), "a"), wizardAnswers(draft));
  }
});

const questionFor = (
  id: string,
  draft: Readonly<Record<string, string>>,
  facts: WizardFacts = {},
): Question => {
  const found = questionsOf(draft, facts).find((question) => question.id === id);
  assert.ok(found, id);
  return found;
};

const FAULTS: readonly [string, string, string | undefined][] = [
  ["guest.vcpu", "", undefined],
  ["guest.vcpu", "0", "0; allowed is a whole number, 1 to 512"],
  ["guest.vcpu", "two", '"two"; allowed is a whole number, 1 to 512'],
  ["disk.size", "64", '"64"; allowed is a size such as "64GiB", 20 GiB to 64 TiB (add a unit: "64GiB")'],
  ["media.windows_iso", "", "an answer is needed"],
  ["media.windows_iso", "~/a.iso", "'~' is not expanded"],
  ["windows.telemetry", "none", "choose one of the list"],
  ["windows.remote_desktop", "maybe", "yes or no"],
  ["windows.computer_name", "", undefined],
  ["user.name", "Administrator", "Windows has an account of that name"],
];

for (const [id, text, fault] of FAULTS) {
  Deno.test(`the answer ${JSON.stringify(text)} to ${id} is ${fault === undefined ? "taken" : "refused with its reason"}`, () => {
    const said = questionFor(id, { "guest.type": "windows" }).validate(text);
    if (fault === undefined) assert.equal(said, undefined);
    else assert.ok(said?.includes(fault), said);
  });
}

Deno.test("a hyphen leaves out what was said before, where it may be left out", () => {
  const named = walk({ ...WINDOWS, "guest.name": "Gate" });
  const again = walk({ "guest.name": "-" }, {}, askAgain(named, "guest.name"));
  assert.equal(again.draft["guest.name"], undefined);
  assert.equal(questionFor("media.windows_iso", { "guest.type": "windows" }).validate("-"), undefined);
  assert.equal(fileOf(again.draft)["media"] && wizardAnswers(again.draft).ok, true);
});

Deno.test("going back asks the question before with what was answered as its default", () => {
  const start = startWizard();
  const first = nextQuestion(start);
  assert.ok(first);
  assert.deepEqual(goBack(start), start);
  const one = answerQuestion(start, first, "windows");
  assert.ok(one.ok);
  const two = answerQuestion(one.value, questionFor("guest.name", { "guest.type": "windows" }), "Gate");
  assert.ok(two.ok);
  const back = goBack(two.value);
  assert.deepEqual([nextQuestion(back)?.id, nextQuestion(back)?.fallback], ["guest.name", "Gate"]);
  assert.deepEqual(goBack(goBack(goBack(back))).done, []);
});

Deno.test("one answer can be given again at the end, and only what follows from it is asked besides", () => {
  const done = walk(WINDOWS);
  const again = walk({ "network.during_install": "yes" }, {}, askAgain(done, "network.during_install"));
  assert.deepEqual(again.done.slice(-2), ["network.during_install", "network.profile"]);
  assert.equal(again.done.length, done.done.length + 1);
});

Deno.test("another kind is asked for from the beginning, and nothing of the one before is in its file", () => {
  const done = walk({ ...WINDOWS, "user.login": "file", "user.password_file": "/secret" });
  const other = walk({ ...LINUX, "user.login": "prompt" }, {}, askAgain(done, "guest.type"));
  assert.ok(wizardAnswers(other.draft).ok);
  assert.deepEqual(
    Object.keys(fileOf(other.draft)).sort(),
    ["baseline", "disk", "firmware", "guest", "linux", "network", "user", "version"].sort(),
  );
  assert.ok(!JSON.stringify(fileOf(other.draft)).includes("secret"));
});

Deno.test("what is known of host and media is chosen from, and what was said otherwise is not a default", () => {
  const facts = { editions: ["Windows 11 Home", "Windows 11 Pro"], profiles: ["office"] };
  const edition = questionFor("windows.edition", WINDOWS, facts);
  assert.deepEqual([edition.kind, edition.fallback], ["select", "Windows 11 Pro"]);
  const profile = questionFor("guest.profile", { "guest.type": "windows", "guest.profile": "gone" }, facts);
  assert.equal(profile.fallback, "office");
  assert.equal(questionFor("windows.edition", { "guest.type": "windows" }).kind, "text");
});

Deno.test("what is known before is asked as the default", () => {
  const state = startWizard({ "guest.type": "windows", "guest.vcpu": 4, "media.windows_iso": "/iso/a.iso" });
  const { draft } = walk(
    { "guest.type": "", "media.virtio_iso": "/v", "windows.edition": "x", "user.name": "a" },
    {},
    state,
  );
  const answers = wizardAnswers(draft);
  assert.ok(answers.ok && answers.value.type === "windows");
  assert.deepEqual([answers.value.guest.vcpu, answers.value.media.windows_iso], [4, "/iso/a.iso"]);
});

Deno.test("questions come step by step, each with a title and an explanation", () => {
  for (const kind of ["windows", "linux"]) {
    const draft = {
      "guest.type": kind,
      "user.login": "file",
      "network.during_install": true,
      "baseline.take": true,
    };
    const questions = questionsOf(draft);
    const steps = questions.map(({ step }) => STEPS.indexOf(step));
    assert.deepEqual(steps, steps.toSorted((a, b) => a - b));
    for (const question of questions) {
      assert.ok(question.title !== "" && question.explanation !== "", question.id);
    }
  }
  assert.equal(new Set(ENTRIES.map(({ id }) => id)).size, ENTRIES.length);
});

Deno.test("whatever is typed, an answer is taken or refused, and the end is answers or faults", () => {
  const typed = fc.oneof(
    fc.constantFrom("", "yes", "no", "windows", "linux", "file", "/a", "a", "2"),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.infiniteStream(typed), fc.nat(8), (stream, backs) => {
      let state = startWizard();
      let left = backs;
      for (let turn = 0; turn < 200; turn++) {
        const question = nextQuestion(state);
        if (!question) break;
        const { value } = stream.next();
        const next = answerQuestion(state, question, value);
        if (next.ok) state = next.value;
        else assert.ok(next.error.length > 0);
        if (turn % 7 === 6 && left-- > 0) state = goBack(state);
      }
      const answers = wizardAnswers(state.draft);
      if (nextQuestion(state) === undefined) {
        assert.ok(answers.ok, answers.ok ? "" : answers.error[0]?.message);
      }
    }),
    { numRuns: 60 },
  );
});
