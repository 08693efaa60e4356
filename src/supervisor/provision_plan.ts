/** What a provisioning run would do, in files and commands. */
import type { ProvisionPlanView } from "../actions/views.ts";
import type { VmId } from "../core/ids.ts";
import type { Answers } from "../provision/answers.ts";
import { type Step, STEP_TITLES } from "../provision/steps.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { Medium } from "./provision_record.ts";
import type { Supervisor } from "./supervisor.ts";

interface Planned {
  readonly answers: Answers;
  readonly id: VmId;
  readonly record: VmRecord;
  readonly media: readonly Medium[];
  readonly steps: readonly Step[];
}

export function plannedSteps(_s: Supervisor, planned: Planned): Promise<ProvisionPlanView["steps"]> {
  return Promise.resolve(planned.steps.map((step) => ({ step, title: STEP_TITLES[step], does: [] })));
}
