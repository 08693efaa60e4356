/** Every kind of bad input: a clear message, the exit code of the command line's contract, and nothing done. */
import assert from "node:assert/strict";
import { defineSmall, exec, POLICY, smallRecord, stopSupervisor, withRoot } from "./rig.ts";

Deno.test("without arguments and without a terminal the help is printed and the exit code is 2", async () => {
  const ran = await exec([]);
  assert.equal(ran.code, 2);
  assert.match(ran.stderr, /Usage: rayvisor/);
});

Deno.test("--version names the program, its commit and the base runtime", async () => {
  const ran = await exec(["--version"]);
  assert.equal(ran.code, 0);
  assert.match(ran.stdout, /^rayvisor \d+\.\d+\.\d+ \(.*Deno 2\.\d+/);
});

Deno.test("wrong usage ends with 2, says what is wrong, and suggests what was meant", async () => {
  for (
    const [args, words] of [
      [["stauts"], /status/],
      [["vm", "start"], /id/],
      [["vm", "start", "x", "--wait", "never"], /never/],
      [["vm", "delete", "x"], /--yes/],
      [["vm", "define", "--type", "linux"], /--id/],
      [["--timeout", "soon", "status"], /soon/],
      [["vm", "stop", "x", "--grace", "long"], /long/],
    ] as const
  ) {
    const ran = await exec([...args]);
    assert.equal(ran.code, 2, args.join(" "));
    assert.match(ran.stderr, words);
    assert.equal(ran.stdout, "");
  }
});

Deno.test("a data root that is not there ends with 4 and names the command that makes one", () =>
  withRoot(async (rig) => {
    const error = await rig.fails(4, "vm", "list");
    assert.match(error.hint, /init/);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(rig.root)), [], "nothing was made");
  }, null));

Deno.test("init makes a data root that validates, and a second one changes nothing", () =>
  withRoot(async (rig) => {
    await rig.ok("policy", "validate");
    await rig.ok("registry", "validate");
    await rig.write("policy/rayos-policy.toml", POLICY + "# mine\n");
    assert.deepEqual((await rig.ok("init")).made, []);
    assert.match(await Deno.readTextFile(`${rig.root}/policy/rayos-policy.toml`), /# mine/);
    for (const folder of ["policy", "vm", "logs", "run", "crash"]) {
      const { mode } = await Deno.stat(`${rig.root}/${folder}`);
      assert.equal((mode ?? 0) & 0o777, 0o700, folder);
    }
  }));

Deno.test("policy validate lists every problem with line and column and ends with 8", () =>
  withRoot(async (rig) => {
    await rig.write(
      "bad.toml",
      'version = 0\n[linux]\nenabeld = true\nnetworking = "sometimes"\n[limits]\ncpu_percent = 900\n',
    );
    const error = await rig.fails(8, "policy", "validate", `${rig.root}/bad.toml`);
    assert.equal(error.code, "invalid_policy");
    const lines = error.problems.map((problem: { place: { line: number } }) => problem.place.line);
    assert.deepEqual(lines, [3, 4, 6]);
    assert.match(JSON.stringify(error.problems), /enabled/);
    const text = await rig.run("policy", "validate", `${rig.root}/bad.toml`);
    assert.match(text.stderr, /bad\.toml:3:1/);
  }));

Deno.test("a policy that can't be trusted is safe mode: nothing starts, and status says why", async (t) => {
  const broken: Record<string, (path: string) => Promise<void>> = {
    "missing": (path) => Deno.remove(path),
    "malformed": (path) => Deno.writeTextFile(path, "version = 0\n[linux\n"),
    "unknown version": (path) => Deno.writeTextFile(path, "version = 7\n"),
    "hostile": (path) => Deno.writeTextFile(path, "version = 0\n\x00\x1b[2J = 1\n"),
    "writable by others": (path) => Deno.chmod(path, 0o666),
  };
  for (const [name, spoil] of Object.entries(broken)) {
    await t.step(name, () =>
      withRoot(async (rig) => {
        await defineSmall(rig, "g1");
        await stopSupervisor(rig);
        await spoil(`${rig.root}/policy/rayos-policy.toml`);
        const error = await rig.fails(3, "vm", "start", "g1");
        assert.equal(error.reasons[0].rule, "safe_mode");
        const status = await rig.ok("status");
        assert.equal(status.policy.safe_mode, true);
        assert.ok(status.policy.problem.message);
        assert.equal(status.sums.running, 0);
      }));
  }
});

Deno.test("a policy that is spoiled while the supervisor runs is safe mode at once, and mended it ends", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    const safeMode = async (want: boolean) => {
      const log = Deno.watchFs(`${rig.root}/logs`);
      const timer = setTimeout(() => log.close(), 20_000);
      if ((await rig.ok("status")).policy.safe_mode === want) return clearTimeout(timer), log.close();
      for await (const _ of log) if ((await rig.ok("status")).policy.safe_mode === want) break;
      clearTimeout(timer);
      assert.equal((await rig.ok("status")).policy.safe_mode, want);
    };
    await rig.write("policy/rayos-policy.toml", "nonsense");
    await safeMode(true);
    assert.equal((await rig.fails(3, "vm", "start", "g1")).reasons[0].rule, "safe_mode");
    await rig.write("policy/rayos-policy.toml", POLICY);
    await safeMode(false);
    await rig.ok("vm", "start", "g1");
  }));

Deno.test("a registry that can't be read is refused whole, and left as it is", async (t) => {
  for (
    const [name, text, code] of [
      ["not JSON", "{", "invalid_registry"],
      ["hostile", '["\\u001b[2J"]', "invalid_registry"],
      ["of another version", '{"version": 9, "vms": {}}', "registry_unsupported"],
    ] as const
  ) {
    await t.step(name, () =>
      withRoot(async (rig) => {
        await rig.write("vm/registry.json", text);
        assert.equal((await rig.fails(8, "vm", "list")).code, code);
        assert.equal((await rig.fails(8, "registry", "validate")).code, code);
        assert.equal(await Deno.readTextFile(`${rig.root}/vm/registry.json`), text);
      }));
  }
});

Deno.test("a guest whose record is broken is listed as broken and can't be started", () =>
  withRoot(async (rig) => {
    const good = smallRecord("good");
    await rig.write(
      "vm/registry.json",
      JSON.stringify({ version: 0, vms: { good, bad: { ...good, id: "bad", vcpus: 3 } } }),
    );
    const guests = await rig.ok("vm", "list");
    const bad = guests.find((guest: { id: string }) => guest.id === "bad");
    assert.equal(bad.state, "broken");
    assert.match(bad.problem, /vcpus/);
    assert.equal((await rig.fails(5, "vm", "start", "bad")).code, "wrong_state");
    assert.equal((await rig.fails(8, "registry", "validate")).code, "invalid_registry");
  }));

Deno.test("an unknown guest ends with 4, an impossible id with 2", () =>
  withRoot(async (rig) => {
    for (const verb of ["show", "start", "stop", "kill", "pause", "present", "argv"]) {
      assert.equal((await rig.fails(4, "vm", verb, "nobody")).code, "not_found");
    }
    assert.equal((await rig.fails(2, "vm", "start", "../../etc")).code, "usage");
  }));

Deno.test("paths that leave the data root are denied with path_escape, whatever way they take", async (t) => {
  const paths: Record<string, string> = {
    "dot-dot": "../../etc/passwd",
    "absolute": "/etc/passwd",
    "symbolic link": "vm/linux/escape.raw",
  };
  for (const [name, path] of Object.entries(paths)) {
    await t.step(name, () =>
      withRoot(async (rig) => {
        await Deno.mkdir(`${rig.root}/vm/linux`, { recursive: true });
        await Deno.symlink("/etc/passwd", `${rig.root}/vm/linux/escape.raw`);
        await rig.write("g.json", JSON.stringify(smallRecord("g", { storage: { disks: { root: path } } })));
        const error = await rig.fails(3, "vm", "define", `${rig.root}/g.json`);
        assert.match(JSON.stringify(error), /path_escape/);
        assert.deepEqual(await rig.ok("vm", "list"), []);
      }));
  }
});

Deno.test("an image that rests on a file outside the data root is not started", () =>
  withRoot(async (rig) => {
    await Deno.mkdir(`${rig.root}/vm/linux/g`, { recursive: true });
    const made = await new Deno.Command("qemu-img", {
      args: [
        "create",
        "-q",
        "-u",
        "-f",
        "qcow2",
        "-b",
        "/etc/passwd",
        "-F",
        "raw",
        `${rig.root}/vm/linux/g/disk.qcow2`,
        "1M",
      ],
    }).output();
    assert.equal(made.code, 0);
    await rig.write(
      "g.json",
      JSON.stringify(smallRecord("g", { storage: { disks: { root: "vm/linux/g/disk.qcow2" } } })),
    );
    const defined = await rig.run("vm", "define", `${rig.root}/g.json`);
    const error = defined.code === 0
      ? await rig.fails(3, "vm", "start", "g")
      : JSON.parse((await rig.run("--json", "vm", "define", `${rig.root}/g.json`)).stdout).error;
    assert.match(JSON.stringify(error), /image_backing_escape|path_escape/);
  }));

Deno.test("a second supervisor on a busy data root ends with 5 and says who holds it", () =>
  withRoot(async (rig) => {
    const { supervisor } = (await rig.ok("vm", "list"), await rig.ok("status"));
    const ran = await rig.run("serve", "--foreground");
    assert.equal(ran.code, 5);
    assert.match(ran.stderr, new RegExp(`pid ${supervisor.pid}`));
  }));

Deno.test("a wrong state ends with 5 and says in which it would be possible", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1");
    const error = await rig.fails(5, "vm", "pause", "g1");
    assert.match(error.message, /g1 is stopped/);
    assert.match(error.hint, /running/);
  }));

Deno.test("a record that asks for more than policy grants is denied with every rule that says so", () =>
  withRoot(async (rig) => {
    await defineSmall(rig, "g1", { devices: { vcpu: 16, memory_mb: 4096, network: { enabled: false } } })
      .catch(() => {});
    const ran = await rig.run("--json", "vm", "start", "g1");
    const { error } = ran.json();
    const rules = ran.code === 4
      ? (await rig.fails(3, "vm", "define", `${rig.root}/g1.json`)).reasons
      : error.reasons;
    const ids = rules.map((reason: { rule: string }) => reason.rule);
    assert.ok(ids.includes("vcpu_cap") && ids.includes("memory_cap"), String(ids));
  }));
