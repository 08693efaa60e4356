import assert from "node:assert/strict";
import { Failure } from "../core/problem.ts";
import { run } from "../ports/processes.ts";
import { buildSeed } from "./build_seed.ts";
import type { Seed } from "./files.ts";
import { mediumArguments } from "./medium.ts";
import { TEST_PASSWORD, testAnswers, testSeed } from "./testing.ts";
import { obscured } from "./autounattend.ts";

const FIXTURES = new URL("../../tests/fixtures/unattended/", import.meta.url);
const seedOf = (name: string) =>
  testSeed(testAnswers(Deno.readTextFileSync(new URL(`${name}.toml`, FIXTURES))));

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "seed test, " });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A folder with a program of this name that is the given shell script. */
async function program(folder: string, name: string, script: string): Promise<string> {
  const bin = `${folder}/bin`;
  await Deno.mkdir(bin, { recursive: true });
  await Deno.writeTextFile(`${bin}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return bin;
}

/** What xorriso reads on a medium: its volume id, and the texts of its files. */
async function readBack(image: string, names: readonly string[], folder: string, rock: boolean) {
  const read = ["-no_rc", "-read_fs", rock ? "norock" : "any", "-osirrox", "on", "-indev", image];
  const about = await run("xorriso", { args: [...read, "-pvd_info"] });
  const files: Record<string, string> = {};
  for (const name of names) {
    const result = await run("xorriso", { args: [...read, "-extract", `/${name}`, `${folder}/out-${name}`] });
    assert.equal(result.code, 0, result.stderr);
    files[name] = await Deno.readTextFile(`${folder}/out-${name}`);
  }
  return { volume: /^Volume Id\s*:\s*(.*)$/m.exec(about.stdout)?.[1], files };
}

for (const tool of ["xorriso", "genisoimage"]) {
  for (const name of ["linux-every-key", "windows-every-key"]) {
    Deno.test(`buildSeed() by ${tool} makes a medium of ${name} that reads back whole, for the owner alone`, () =>
      inFolder(async (folder) => {
        const seed = seedOf(name);
        const out = `${folder}/seed, 1.iso`;
        await Deno.writeTextFile(out, "what was there before");
        const real = (await run("sh", { args: ["-c", `command -v ${tool}`] })).stdout.trim();
        const bin = await program(folder, tool, `exec ${real} "$@"`);
        await buildSeed(seed, out, { path: bin });
        const names = seed.files.map((file) => file.name);
        // Without Rock Ridge xorriso reads the names that Windows sees.
        const back = await readBack(out, names, folder, name.startsWith("windows"));
        assert.equal(back.volume, name.startsWith("linux") ? "cidata" : "RAYVISOR");
        assert.deepEqual(back.files, Object.fromEntries(seed.files.map((file) => [file.name, file.text])));
        assert.equal((Deno.statSync(out).mode ?? 0) & 0o777, 0o600);
        assert.deepEqual(left(folder), ["seed, 1.iso"]);
      }));
  }
}

/** What is in the folder beside programs and what the test took out. */
function left(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name)
    .filter((name) => name !== "bin" && !name.startsWith("out-") && !name.startsWith("said-")).sort();
}

Deno.test("secrets are in no argument, and in files for the owner alone while the tool runs", () =>
  inFolder(async (folder) => {
    const script = `
printf '%s\\n' "$@" > '${folder}/said-args'
env > '${folder}/said-env'
for last in "$@"; do :; done
stat -c '%a %F' "$last/.." "$last" "$last"/* > '${folder}/said-modes'
previous=; for a in "$@"; do [ "$previous" = -o ] && echo image > "$a"; previous=$a; done`;
    const bin = await program(folder, "xorriso", script);
    const search = `${bin}:${Deno.env.get("PATH")}`;
    await buildSeed(seedOf("windows-plain"), `${folder}/a.iso`, { path: search });
    const said = ["args", "env"].map((name) => Deno.readTextFileSync(`${folder}/said-${name}`)).join("\n");
    for (const secret of [TEST_PASSWORD, obscured(TEST_PASSWORD)]) assert.ok(!said.includes(secret));
    assert.equal(
      Deno.readTextFileSync(`${folder}/said-modes`),
      "700 directory\n700 directory\n600 regular file\n",
    );
    assert.equal(Deno.readTextFileSync(`${folder}/a.iso`), "image\n");
    assert.equal((Deno.statSync(`${folder}/a.iso`).mode ?? 0) & 0o777, 0o600);
  }));

const failure = async (promise: Promise<void>) => {
  const error = await promise.then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof Failure, String(error));
  return error.problem;
};

Deno.test("a tool that fails leaves what was there, and nothing besides", () =>
  inFolder(async (folder) => {
    const out = `${folder}/a.iso`;
    await Deno.writeTextFile(out, "before");
    const bin = await program(folder, "genisoimage", "echo first >&2; echo 'no \x1b[2Jroom' >&2; exit 5");
    const problem = await failure(buildSeed(seedOf("linux-plain"), out, { path: bin }));
    assert.equal(problem.code, "failed");
    assert.equal(problem.message, "genisoimage could not make the seed medium: exit code 5: no room");
    assert.equal(Deno.readTextFileSync(out), "before");
    assert.deepEqual(left(folder), ["a.iso"]);
  }));

Deno.test("a run that is called off ends the tool and takes the plain files away", () =>
  inFolder(async (folder) => {
    // A folder of its own: of too many events at once some are lost.
    await Deno.mkdir(`${folder}/said-started`);
    const bin = await program(folder, "xorriso", `: > '${folder}/said-started/now'; exec sleep 1000`);
    const off = new AbortController();
    const watcher = Deno.watchFs(`${folder}/said-started`);
    const ended = failure(
      buildSeed(seedOf("linux-every-key"), `${folder}/a.iso`, { path: bin, signal: off.signal }),
    );
    for await (const _event of watcher) break;
    off.abort();
    assert.equal((await ended).code, "cancelled");
    assert.deepEqual(left(folder), []);
  }));

Deno.test("without either tool the package is named, and no file is written", () =>
  inFolder(async (folder) => {
    const problem = await failure(buildSeed(seedOf("linux-plain"), `${folder}/a.iso`, { path: folder }));
    assert.equal(problem.code, "missing");
    assert.match(problem.hint ?? "", /xorriso/);
    assert.deepEqual(left(folder), []);
  }));

Deno.test("the arguments are a program's name, a volume's and two paths", () => {
  const seed: Seed = { volume: "cidata", files: [] };
  assert.deepEqual(mediumArguments("xorriso", seed.volume, "/t/files", "/t/seed.iso"), [
    "-no_rc",
    "-as",
    "mkisofs",
    "-quiet",
    "-o",
    "/t/seed.iso",
    "-V",
    "cidata",
    "-J",
    "-r",
    "/t/files",
  ]);
  assert.deepEqual(mediumArguments("genisoimage", "RAYVISOR", "/t/files", "/t/seed.iso"), [
    "-quiet",
    "-o",
    "/t/seed.iso",
    "-V",
    "RAYVISOR",
    "-J",
    "-r",
    "/t/files",
  ]);
});
