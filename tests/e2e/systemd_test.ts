// deno-lint-ignore-file no-console -- a test that can't run here says why
/** The units of packaging/: understood by systemd, and run by a real one where a box for it can be made. */
import assert from "node:assert/strict";
import { BINARY, POLICY } from "./rig.ts";
import { inBox, whyNoBox } from "./systemd_box.ts";

const PACKAGING = new URL("../../packaging/", import.meta.url).pathname;
const SUPERVISORS = ["rayvisor.service", "rayvisor-user.service"];
const UNITS = [...SUPERVISORS, "rayvisor-guests.service"];
/** Settings that older versions of systemd pass over with a warning. */
const SINCE_254 = /Unknown key (name )?'DelegateSubgroup'.*ignoring/;

/** Each setting of a unit with its value. */
async function settingsOf(unit: string): Promise<string[]> {
  const lines = (await Deno.readTextFile(PACKAGING + unit)).split("\n");
  return lines.filter((line) => /^[A-Z]\w+=/.test(line));
}

Deno.test("systemd-analyze finds nothing wrong with the units", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "rv-units-" });
  try {
    for (const unit of UNITS) {
      // Whether /usr/local/bin/rayvisor is there is not what is asked.
      const text = (await Deno.readTextFile(PACKAGING + unit)).replaceAll("/usr/local/bin/rayvisor", BINARY);
      await Deno.writeTextFile(`${folder}/${unit}`, text);
      const manager = unit.includes("user") ? ["--user"] : [];
      let ran: Deno.CommandOutput;
      try {
        ran = await new Deno.Command("systemd-analyze", {
          args: [...manager, "verify", "--man=no", `${folder}/${unit}`],
          env: { HOME: folder, XDG_RUNTIME_DIR: folder },
        }).output();
      } catch {
        return console.log(`SKIP ${t.name}: systemd-analyze is not installed`);
      }
      const said = new TextDecoder().decode(ran.stderr).split("\n")
        .filter((line) => line.includes("rayvisor") && !SINCE_254.test(line));
      assert.deepEqual(said, [], unit);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("both units let guests outlive the supervisor, and the user's takes over nothing that needs root", async () => {
  for (const unit of SUPERVISORS) {
    const settings = await settingsOf(unit);
    for (
      const needed of [
        "Type=notify",
        "NotifyAccess=main",
        "KillMode=process",
        "Delegate=yes",
        "DelegateSubgroup=supervisor",
        "OOMPolicy=continue",
        "Restart=on-failure",
        "UMask=0077",
      ]
    ) assert.ok(settings.includes(needed), `${unit}: ${needed}`);
    for (const setting of settings) {
      assert.doesNotMatch(
        setting,
        /^(MemoryDenyWriteExecute|RestrictNamespaces|PrivateDevices|PrivateNetwork)=/,
      );
    }
  }
  for (const setting of await settingsOf("rayvisor-user.service")) {
    assert.doesNotMatch(setting, /^(Protect|Private|Device|Capability|User=|OOMScoreAdjust|ReadWrite)/);
  }
});

const DRIVER = `
export RAYOS_ROOT=/var/rayos
state() {
  echo "$1: $(systemctl show rayvisor -p ActiveState --value)" \\
    "$(systemctl show rayvisor -p StatusText --value) restarts=$(systemctl show rayvisor -p NRestarts --value)"
}
main() { systemctl show rayvisor -p MainPID --value; }
guest() { rayvisor --json vm show g1 | sed 's/.*"pid":\\([0-9]*\\).*/\\1/'; }
# Waits for an event of the log, not for a time.
log_says() { until [ "$(grep -c "$1" /var/rayos/logs/rayos.log)" -ge "$2" ]; do sleep 0.1; done; }
PATH=/usr/local/bin:$PATH
systemctl start rayvisor; echo "no root: $?"
rayvisor init >/dev/null
cp /run/box/policy.toml /var/rayos/policy/rayos-policy.toml
rayvisor vm define --type linux --id g1 --memory 64 --disk 1M --tpm >/dev/null
background=$(rayvisor --json status | sed 's/.*"supervisor":{[^}]*"pid":\\([0-9]*\\).*/\\1/')
systemctl start rayvisor; echo "start: $?"
state started
[ "$(main)" != "$background" ] && echo "it made room"
rayvisor vm start g1 >/dev/null; echo "guest: $?"
first=$(guest)
grep -q "rayvisor.service" /proc/$first/cgroup && echo "guest in the service's group"
systemctl reload rayvisor; echo "reload: $?"
systemctl restart rayvisor; echo "restart: $?"
state restarted
[ "$(guest)" = "$first" ] && echo "same guest"
systemctl kill --signal=KILL --kill-who=main rayvisor
log_says RAYOS_SUPERVISOR:ready 4
until [ "$(systemctl show rayvisor -p ActiveState --value)" = active ]; do sleep 0.1; done
state crashed
[ "$(guest)" = "$first" ] && echo "same guest"
systemctl stop rayvisor
[ -d /proc/$first ] && echo "guest goes on"
systemctl start rayvisor; echo "start again: $?"
[ "$(guest)" = "$first" ] && echo "same guest"
rayvisor serve --stop >/dev/null
until [ "$(systemctl show rayvisor -p ActiveState --value)" = inactive ]; do sleep 0.1; done
state "ended by a command"
systemctl start rayvisor
rayvisor vm kill g1 >/dev/null; echo "kill: $?"
systemctl stop rayvisor; echo "stop: $?"
rayvisor audit verify >/dev/null; echo "audit: $?"
systemctl show rayvisor -p Result --value
`;

Deno.test("a real systemd starts, reloads, restarts and stops the service, and the guest is the same one all along", async (t) => {
  const why = await whyNoBox();
  if (why !== undefined) return console.log(`SKIP ${t.name}: ${why}`);
  const { said, errors } = await inBox(DRIVER, { "policy.toml": POLICY });
  assert.deepEqual(said.trim().split("\n").map((line) => line.trim()), [
    "no root: 1",
    "start: 0",
    "started: active guests: 1 stopped restarts=0",
    "it made room",
    "guest: 0",
    "guest in the service's group",
    "reload: 0",
    "restart: 0",
    "restarted: active guests: 1 running restarts=0",
    "same guest",
    "crashed: active guests: 1 running restarts=1",
    "same guest",
    "guest goes on",
    "start again: 0",
    "same guest",
    "ended by a command: inactive ending; guests go on restarts=0",
    "kill: 0",
    "stop: 0",
    "audit: 0",
    "success",
  ], errors);
});
