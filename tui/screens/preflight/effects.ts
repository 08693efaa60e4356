/** The work of the screen `preflight`: runs the checks, and makes a data root. What it needs is loaded when it is asked for. */
import { problemOf } from "../../../src/core/problem.ts";
import { layoutOf } from "../../../registry/layout.ts";
import type { WorkHost } from "../../screen.ts";
import type { PreflightMessage, PreflightWork } from "./state.ts";

/** `work` is what this screen's reducer has made. */
export async function preflightWork(work: unknown, host: WorkHost): Promise<void> {
  const wanted = work as PreflightWork;
  const say = (message: PreflightMessage) => host.dispatch(message);
  switch (wanted.kind) {
    case "run":
      return await runChecks(wanted, host, say);
    case "look_root":
      return say({ kind: "root", found: await hasRoot(host.root) ? "there" : "missing" });
    case "make_root":
      return say({ kind: "root_made", ...await makeRoot(host.root) });
  }
}

type Say = (message: PreflightMessage) => void;

async function runChecks(
  { number, profile, only }: Extract<PreflightWork, { readonly kind: "run" }>,
  { root, signal }: WorkHost,
  say: Say,
): Promise<void> {
  try {
    const [{ preflightOptions }, { runPreflight }, { systemPort }, { selectChecks }, { CHECKS }] =
      await Promise.all([
        import("../../../src/preflight/options.ts"),
        import("../../../src/preflight/run.ts"),
        import("../../../src/preflight/system_port.ts"),
        import("../../../src/preflight/select.ts"),
        import("../../../src/preflight/table.ts"),
      ]);
    const options = preflightOptions({ root, profile, ...(only === undefined ? {} : { only: [only] }) });
    const rows = selectChecks(CHECKS, options).map(({ id, group, title, why }) => ({
      id,
      group,
      title,
      why,
    }));
    say({ kind: "listed", number, rows });
    const { summary } = await runPreflight(options, systemPort, {
      signal,
      onProgress: (progress) => {
        if (progress.kind === "ended") say({ kind: "ended", number, result: progress.result });
        else if (progress.kind === "said") {
          say({ kind: "said", number, id: progress.check.id, detail: progress.detail });
        }
      },
    });
    say({ kind: "over", number, tookMs: summary.took_ms });
  } catch (error) {
    if (!signal.aborted) say({ kind: "failed", number, problem: problemOf(error) });
  }
}

/** Also when it can't be looked into: then it is there, and another's. */
async function hasRoot(root: string): Promise<boolean> {
  const { exists } = await import("../../../src/ports/files.ts");
  const { policyFile, registryFile } = layoutOf(root);
  return await Promise.all([exists(policyFile), exists(registryFile)])
    .then((found) => found.includes(true), () => true);
}

async function makeRoot(root: string): Promise<{ readonly problem?: ReturnType<typeof problemOf> }> {
  try {
    const { initRoot } = await import("../../../src/cli/init_root.ts");
    await initRoot({ root, layout: layoutOf(root) });
    return {};
  } catch (error) {
    return { problem: problemOf(error) };
  }
}
