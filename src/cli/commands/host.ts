/** `init`, `serve`, `status`, `events`: the data root and its supervisor. */
import type { StatusView } from "../../actions/views.ts";
import { jsonLine } from "../../core/json.ts";
import { problemOf } from "../../core/problem.ts";
import { sanitizeLine } from "../../core/sanitize.ts";
import { formatDuration } from "../../core/units.ts";
import { remarksTo } from "../../ports/remarks.ts";
import { tellStarter } from "../../ports/terminal.ts";
import { type AnyCommand, Command } from "../command.ts";
import { connect, isServing, startInBackground } from "../connect.ts";
import { type Context, requireRoot } from "../context.ts";
import { initRoot } from "../init_root.ts";
import { renderEvent, renderStatus } from "../render.ts";
import { type MakeContext, withSupervisor } from "./shared.ts";

/** For what was said last and is not written yet. */
const LAST_REMARKS_MS = 1_000;

export function initCommand(context: MakeContext): AnyCommand {
  return new Command("init").description("make a data root: folders, a commented policy, an empty registry")
    .action(async (_options, command) => {
      const c = context(command);
      const made = await initRoot(c);
      c.output.result(
        { root: c.root, made },
        () =>
          made.length === 0 ? `${c.root} is a data root already; nothing was changed` : [
            `data root ${c.root}`,
            ...made.map((file) => `  made ${file}`),
            `next: rayvisor --root ${c.root} status`,
          ]
            .join("\n"),
      );
    });
}

export function serveCommand(context: MakeContext): AnyCommand {
  return new Command("serve").description("the supervisor of a data root")
    .option("--foreground", "stay in this terminal and show events")
    .option(
      "--announce",
      "with --foreground: one JSON line on standard output when ready or failed, then silence",
    )
    .option("--stop", "end the running supervisor; guests go on")
    .action(async (options, command) => {
      const c = context(command);
      if (options.stop) return await stopSupervisor(c);
      if (options.foreground) {
        await requireRoot(c);
        return await serveHere(c, options.announce ?? false);
      }
      if (await isServing(c.layout.socket)) {
        return c.output.result(
          { done: "serve", already: true },
          () => `a supervisor serves ${c.root} already`,
        );
      }
      await requireRoot(c);
      const pid = await startInBackground(c);
      c.output.result(
        { done: "serve", ...(pid === undefined ? { already: true } : { pid }) },
        () =>
          pid === undefined
            ? `a supervisor serves ${c.root} already`
            : `the supervisor serves ${c.root} (pid ${pid})`,
      );
    });
}

/** Serves in this process. With `announce` the one who started it reads a single JSON line: ready, or why not. */
async function serveHere(c: Context, announce: boolean): Promise<void> {
  const { serve } = await import("../../supervisor/serve.ts");
  const remarks = remarksTo();
  const say = (line: string) => announce || c.output.options.quiet || remarks.say(line);
  try {
    await serve(c.root, c.layout, {
      ready: () => announce && tellStarter(jsonLine({ ready: true })),
      event: (event) => say(renderEvent(c.output, event)),
      warn: (message) => say(`${c.output.style("yellow", "warning:")} ${sanitizeLine(message, 500)}`),
    });
  } catch (error) {
    if (announce) tellStarter(jsonLine({ error: problemOf(error) }));
    throw error;
  } finally {
    await remarks.close(LAST_REMARKS_MS);
  }
}

async function stopSupervisor(c: Context): Promise<void> {
  if (!await isServing(c.layout.socket)) {
    return c.output.result({ done: "serve.stop", already: true }, () => `no supervisor runs on ${c.root}`);
  }
  await withSupervisor(c, (s) => s.perform("supervisor.stop", {}, c.deadline));
  c.output.result({ done: "serve.stop" }, () => "the supervisor ends; guests go on");
}

export function statusCommand(context: MakeContext): AnyCommand {
  return new Command("status").description(
    "supervisor, policy revision, safe mode, sums of resources, guests",
  )
    .action(async (_options, command) => {
      const c = context(command);
      await requireRoot(c);
      if (!await isServing(c.layout.socket)) {
        return c.output.result(
          { supervisor: null, root: c.root },
          () =>
            `no supervisor runs on ${c.root}; any command that needs one starts it (\`rayvisor vm list\`)`,
        );
      }
      const status = await withSupervisor(c, (s) => s.perform<StatusView>("status", {}, c.deadline));
      c.output.result(status, (view) => renderStatus(c.output, view, Date.now()));
    });
}

export function eventsCommand(context: MakeContext): AnyCommand {
  return new Command("events").description("markers: the last ones, or with -f as they happen")
    .option("-f, --follow", "wait for more")
    .option("--vm <id>", "only of this guest")
    .option("-n, --lines <n>", "how many of the last ones", "20")
    .action(async (options, command) => {
      const c = context(command);
      await requireRoot(c);
      if (options.follow) return await followEvents(c, options.vm);
      const { lastEvents } = await import("../../audit/recent.ts");
      const count = Math.max(1, Number(options.lines) || 20);
      const events = lastEvents(
        c.layout.rayosLog,
        count,
        ({ fields }) => options.vm === undefined || fields.vm === options.vm,
      );
      for (const event of events) c.output.item(event, (e) => renderEvent(c.output, e));
    });
}

async function followEvents(c: Context, vm: string | undefined): Promise<void> {
  const client = await connect(c);
  const started = performance.now();
  const events = await client.events(vm, c.deadline ?? new AbortController().signal);
  for await (const event of events) c.output.item(event, (e) => renderEvent(c.output, e));
  c.output.note(`the supervisor ended the stream after ${formatDuration(performance.now() - started)}`);
}
