/** The promises of policy version 0 that lie at the edges: types, ranges, names, forms, and the published example's decisions. */
import assert from "node:assert/strict";
import type { PolicyRevision } from "../src/core/ids.ts";
import { PLAIN_HOST, plainGuest } from "./cases.ts";
import { HOST_FOLDERS } from "./check.ts";
import { decide } from "./decide.ts";
import { loadPolicy, loadPolicyBytes, MAX_POLICY_BYTES } from "./load.ts";
import { POLICY_SHAPE, schemaKeys } from "./schema.ts";
import type { PolicyRequest, PolicyState } from "./types.ts";

const load = (text: string) => loadPolicy(`version = 0\n${text}`, "p.toml", "none" as PolicyRevision);
const problems = (text: string): readonly string[] => {
  const loaded = load(text);
  return loaded.ok ? [] : loaded.error.map((p) => `${p.place?.line}:${p.place?.column} ${p.message}`);
};
const accepts = (text: string) => assert.deepEqual(problems(text), [], text);
const refuses = (text: string, words: RegExp) => assert.match(problems(text).join("\n"), words, text);

Deno.test("where a whole number is wanted, only a whole number in its range is one", () => {
  for (const good of ["1", "100", "0x10", "0o17", "0b11", "1_0", "+5"]) {
    accepts(`[limits]\ncpu_percent = ${good}\n`);
  }
  for (
    const [bad, shown] of [
      ["0", "0"],
      ["101", "101"],
      ["-1", "-1"],
      ["80.0", "80\\.0"],
      ["8e1", "80\\.0"],
      ["0.5", "0\\.5"],
      ["inf", "inf"],
      ["-inf", "-inf"],
      ["nan", "nan"],
      ["9007199254740993", "9007199254740993"],
      ["9223372036854775807", "9223372036854775807"],
      ["true", "true"],
      ['"80"', '"80"'],
      ["[80]", "a list of 1"],
      ["{ a = 1 }", "a table"],
      ["1979-05-27", "a date"],
      ["07:32:00", "a date"],
    ] as const
  ) {
    refuses(
      `[limits]\ncpu_percent = ${bad}\n`,
      new RegExp(`^3:15 limits\\.cpu_percent is ${shown}; allowed is a whole number`),
    );
  }
  refuses("[limits]\ncpu_percent = 99999999999999999999\n", /^3:/);
  refuses("[limits]\ncpu_percent = 01\n", /^3:\d+ not valid TOML: illegal leading zero/);
});

Deno.test("every key of the schema refuses a value of every other type, on its own line", () => {
  const values = ["true", "7", "7.0", '"no such word"', "1979-05-27T07:32:00Z", "[1]", "{ x = 1 }"] as const;
  for (const [path, { shape }] of schemaKeys()) {
    if (path.includes("[]") || path === "version") continue;
    const keys = path.replaceAll("<name>", "n").split(".");
    for (const value of values) {
      const text = `${keys.join(".")} = ${value}\n`;
      const told = problems(text).filter((p) => p.startsWith("2:"));
      const isBool = shape.want === "true or false" && value === "true";
      const isInt = shape.want.startsWith("a whole number") && value === "7";
      const isText = ["root_disk", "disk", "ovmf_vars", "vtpm_state_dir"].includes(keys.at(-1) ?? "") &&
        value === '"no such word"';
      if (!isBool && !isInt && !isText) assert.ok(told.length > 0, text);
    }
  }
});

Deno.test("keys with the names of a prototype are unknown in every table", () => {
  const tables = [
    "",
    ...schemaKeys().filter(([, f]) => f.shape.fields).map(([path]) => `${path.replaceAll("<name>", "n")}.`),
  ];
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"]) {
    for (const table of tables) {
      refuses(`${table}${name} = 1\n`, new RegExp(`${name} is an unknown key`));
      refuses(`${table}"${name}" = { polluted = true }\n`, new RegExp(`${name} is an unknown key`));
    }
    refuses(`[[profiles.n.shares]]\n${name} = 1\n`, /unknown key/);
  }
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

Deno.test("a key or table that stands twice is refused in every form that TOML has", () => {
  for (
    const text of [
      "[limits]\nclamp = true\nclamp = true\n",
      '[limits]\nclamp = true\n"clamp" = true\n',
      "limits.clamp = true\nlimits.clamp = true\n",
      "limits.clamp = true\n[limits]\nclamp = true\n",
      "limits = { clamp = true }\n[limits]\nmax_running = 1\n",
      "limits = { clamp = true }\nlimits.max_running = 1\n",
      "limits = { clamp = true, clamp = true }\n",
      "[limits]\n[limits]\n",
      '[limits]\n["limits"]\n',
      "[limits]\n[ limits ]\n",
      "[profiles.a]\nkind = 'linux'\n[profiles.a]\n",
      "[profiles]\na.kind = 'linux'\n[profiles.a]\npresent = true\n",
      "[[profiles.a.shares]]\npath = 'a'\n[profiles.a.shares]\npath = 'b'\n",
      "profiles.a.shares = []\n[[profiles.a.shares]]\npath = 'a'\n",
      "[profiles.a.snapshots]\nmax = 1\n[profiles.a]\nsnapshots.max = 2\n",
    ]
  ) {
    refuses(text, /a second time/);
  }
});

Deno.test("the same policy in dotted, inline and table form is the same policy", () => {
  const forms = [
    "limits.clamp = true\nlimits.max_running = 3\n",
    "limits = { clamp = true, max_running = 3 }\n",
    "[limits]\nclamp = true\nmax_running = 3\n",
    "[ 'limits' ]\r\n\"clamp\" = true\r\n\tmax_running = +3 # three\r\n",
  ].map((text) => {
    const loaded = load(text);
    assert.ok(loaded.ok, text);
    return loaded.value.policy;
  });
  for (const form of forms) assert.deepEqual(form, forms[0]);
});

Deno.test("durations have a unit and lie between a minute and a year", () => {
  const every = (written: string) => `[profiles.a]\nkind = "linux"\nsnapshots.every = "${written}"\n`;
  for (const good of ["1m", "60s", "60000ms", "24h", "1h30m", "7d", "366d"]) accepts(every(good));
  for (const bad of ["", "0h", "59s", "367d", "24", "24 h", "1.5h", "-1h", "h", "99999999999999999999d"]) {
    refuses(every(bad), /^4:19 profiles\.a\.snapshots\.every is .*allowed is a duration/);
  }
});

Deno.test("destinations: names, wildcards, networks and ports to their bounds", () => {
  const allow = (entry: string) => `[network_profiles.a]\negress = "allowlist"\nallow = ["${entry}"]\n`;
  for (
    const good of [
      "a.b:1/tcp",
      "a.b:65535/udp",
      "a.b:1-65535/tcp",
      "*.a.b:1/tcp",
      "xn--bcher-kva.example:1/tcp",
    ].concat(
      ["203.0.113.0/24:1/tcp", "203.0.113.7:1/tcp", "[2001:db8::/32]:1/tcp", "[2001:db8::1]:1/udp"],
    )
  ) accepts(allow(good));
  for (
    const bad of [
      "a.b:0/tcp",
      "a.b:65536/tcp",
      "a.b:2-1/tcp",
      "a.b:1/icmp",
      "a.b:1",
      "a.b",
      "*:1/tcp",
      "*.com:1/tcp",
    ].concat(
      [
        "a.*.b:1/tcp",
        "a*.b:1/tcp",
        "a_b.c:1/tcp",
        "-a.b:1/tcp",
        "a..b:1/tcp",
        ".a:1/tcp",
        "bücher.example:1/tcp",
      ],
      [
        "203.0.113.1/24:1/tcp",
        "203.0.113.0/33:1/tcp",
        "0.0.0.0/0:1/tcp",
        "1.2.3:1/tcp",
        "01.2.3.4:1/tcp",
        "0x1.2.3.4:1/tcp",
      ],
      [
        "2001:db8::1:1/tcp",
        "[2001:db8::1/32]:1/tcp",
        "[::/0]:1/tcp",
        "[1::2::3]:1/tcp",
        "[::ffff:1.2.3.4]:1/tcp",
      ],
      [
        "10.0.0.0/8:1/tcp",
        "127.0.0.1:1/tcp",
        "169.254.169.254:80/tcp",
        "[fe80::1]:1/tcp",
        "[::1]:1/tcp",
        "[fd00::/8]:1/tcp",
      ],
      ["64:1/tcp", " a.b:1/tcp", "a.b :1/tcp", "a.b:01/tcp", "a.b:1/TCP", ""],
    )
  ) {
    refuses(allow(bad), /^4:10 network_profiles\.a\.allow\[0\]/);
  }
});

Deno.test("names of profiles and guests keep to their form", () => {
  for (const good of ["a", "0", "a.b", "a-b_c", "constructor", "x".repeat(63)]) {
    accepts(`[profiles."${good}"]\nkind = "linux"\n`);
  }
  for (const bad of ["A", "-a", ".a", "a b", "ä", "", "x".repeat(64), "__proto__", "a/b"]) {
    refuses(`[profiles."${bad}"]\nkind = "linux"\n`, /profiles\..*allowed is a name/);
  }
  for (const bad of ["A", "", "../x", "x".repeat(64)]) {
    refuses(`[linux]\nvm_id = "${bad}"\n`, /^3:9 linux\.vm_id/);
  }
});

Deno.test("paths stay below the data root, and no share opens the host's own folders", () => {
  const share = (path: string) => `[profiles.a]\nkind = "linux"\nshares = [{ path = "${path}" }]\n`;
  for (const good of ["shares/office", "shares", "a/./b", "policy-notes", "x/run"]) accepts(share(good));
  for (const bad of ["", ".", "/", "..", "a/../b", "a\\u0000b", "a\\nb", "/etc", "a".repeat(300)]) {
    refuses(share(bad), /^4:20 profiles\.a\.shares\[0\]\.path/);
  }
  for (const folder of HOST_FOLDERS) {
    refuses(share(folder), /belongs to the host/);
    refuses(share(`./${folder}//x`), /belongs to the host/);
  }
  refuses(
    '[profiles.a]\nkind = "linux"\nshares = [{ path = "a/b" }, { path = "./a//b", readonly = false }]\n',
    /second time/,
  );
});

Deno.test("the defaults are those of the contract", () => {
  const loaded = load("");
  assert.ok(loaded.ok);
  const { defaults, limits, logging, security, presentation, sandbox, linux, windows } = loaded.value.policy;
  assert.deepEqual(defaults, { networking: "off", present_on_boot: false, autoboot_vms: false });
  assert.deepEqual([limits.cpu_percent, limits.mem_mib, limits.max_running], [80, undefined, 8]);
  assert.deepEqual([limits.require_kvm, limits.on_narrowed, limits.clamp], [false, "mark", false]);
  assert.deepEqual([logging.keep_files, logging.max_file_mib, logging.log_input], [10, 10, false]);
  assert.deepEqual(security, { require_signature: false, confine_processes: true, developer: false });
  assert.deepEqual(presentation, { max_presented: 1, release_after_s: 0 });
  assert.equal(sandbox.cpu_time_s, 0);
  for (const kind of [linux, windows]) {
    assert.deepEqual([kind.enabled, kind.autoboot, kind.present_on_boot, kind.networking], [
      false,
      false,
      false,
      "off",
    ]);
  }
});

Deno.test("files that are no policy text: each has its own answer, whatever their size", () => {
  const first = (bytes: Uint8Array) => {
    const result = loadPolicyBytes(bytes, "p", "none" as PolicyRevision);
    return result.ok ? "ok" : result.error[0]?.message;
  };
  const text = new TextEncoder().encode("version = 0\n");
  const padded = new Uint8Array(MAX_POLICY_BYTES).fill(32);
  padded.set(text);
  assert.equal(first(padded), "ok");
  assert.match(first(new Uint8Array(MAX_POLICY_BYTES + 1)) ?? "", /bytes long/);
  assert.match(first(new Uint8Array([0xff, 0xfe, 0x76, 0])) ?? "", /not UTF-8/);
  assert.match(first(new Uint8Array([...text, 0xed, 0xa0, 0x80])) ?? "", /not UTF-8/);
  assert.match(first(new TextEncoder().encode("version = 0\rlinux = 1\n")) ?? "", /not valid TOML/);
});

Deno.test("a hostile file costs a bounded number of problems and no quadratic time", () => {
  const many = (line: (i: number) => string, count: number) =>
    Array.from({ length: count }, (_, i) => line(i)).join("");
  const hostile = [
    many((i) => `key${i} = 1\n`, 60_000),
    many((i) => `[t${i}]\n`, 80_000),
    `[profiles.a]\nkind = "linux"\nshares = [${many((i) => `{path="s${i}"},`, 40_000)}]\n`,
    `${many((i) => `[network_profiles.n${i}]\n`, 4000)}[profiles.a]\nkind = "linux"\nnetwork_profiles = [${
      many((i) => `"wishy${i}",`, 40_000)
    }]\n`,
    many((i) => `[profiles.p${i}]\na = 1\nb = 2\n`, 20_000),
    `${"a.".repeat(400_000)}b = 1\n`,
    `[${"a.".repeat(400_000)}b]\n`,
    " ".repeat(1_000_000),
    `x = ${"[".repeat(500_000)}`,
  ];
  // Quadratic work took seconds to minutes here; the test's own time limit is the watch.
  for (const text of hostile) assert.ok(problems(text).length <= 101);
});

const published = Deno.readTextFileSync(new URL("./cases/base/published.toml", import.meta.url));

Deno.test("the published example decides as it reads", () => {
  const loaded = loadPolicy(published, "p", "none" as PolicyRevision);
  assert.ok(loaded.ok);
  const state: PolicyState = { mode: "normal", loaded: loaded.value };
  const linux = plainGuest("linux");
  const rule = (more: Partial<PolicyRequest>) =>
    decide(state, { action: "vm.start", trigger: "operator", guest: linux, facts: PLAIN_HOST, ...more })
      .reasons.map((r) => r.rule);
  const withDevices = (devices: object) => ({
    guest: { ...linux, devices: { ...linux.devices, ...devices } },
  });
  assert.deepEqual(rule({}), ["allowed"]);
  assert.deepEqual(rule({ trigger: "autoboot" }), ["allowed"]);
  assert.deepEqual(rule({ trigger: "autoboot", guest: { ...linux, id: plainGuest("windows").id } }), [
    "autoboot_not_allowed",
  ]);
  assert.deepEqual(rule({ guest: plainGuest("windows") }), ["kind_disabled"]);
  assert.deepEqual(rule(withDevices({ vcpu: 3, memory_mb: 4097 })), ["vcpu_cap", "memory_cap"]);
  assert.deepEqual(rule(withDevices({ network: { enabled: true } })), ["network_default_off"]);
  assert.deepEqual(rule({ action: "net.set", network: { profile: "restricted" } }), ["network_default_off"]);
  assert.deepEqual(rule({ action: "vm.present" }), ["allowed"]);
  assert.deepEqual(rule({ action: "vm.present", trigger: "autoboot" }), ["presentation_not_allowed"]);
  assert.deepEqual(rule({ action: "vm.exec" }), ["guest_exec_not_allowed"]);
  assert.deepEqual(
    rule({ facts: { ...PLAIN_HOST, running: { ...PLAIN_HOST.running, memoryMib: 12288 - 2047 } } }),
    [
      "total_memory_cap",
    ],
  );
});

Deno.test("a reason names the key with its line also where the profile's name needs quotes", () => {
  const loaded = load(
    '[linux]\nenabled = true\n[profiles."a.b"]\nkind = "linux"\n[profiles."a.b".snapshots]\nsuspend = false\n',
  );
  assert.ok(loaded.ok);
  const guest = { ...plainGuest("linux"), policy_profile: "a.b" };
  const decided = decide({ mode: "normal", loaded: loaded.value }, {
    action: "vm.suspend",
    trigger: "operator",
    guest,
    facts: PLAIN_HOST,
  });
  assert.deepEqual(decided.reasons.map((r) => `${r.rule} ${r.where}`), [
    'suspend_not_allowed profiles."a.b".snapshots.suspend (line 7)',
  ]);
});

Deno.test("every table of the example with all keys is in the schema", () => {
  const text = Deno.readTextFileSync(new URL("./cases/base/full.toml", import.meta.url));
  for (const key of Object.keys(POLICY_SHAPE.fields ?? {})) {
    assert.match(text, new RegExp(`^(\\[+${key}\\b|${key} =)`, "m"));
  }
});
