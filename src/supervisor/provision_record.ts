/** From answers to the registry record of the guest that they describe, and what policy says of it: pure but for the asking. */
import type { VmId } from "../core/ids.ts";
import { decide } from "../../policy/decide.ts";
import type { Decision, PolicyAction, PolicyRequest } from "../../policy/types.ts";
import type { VmRecord } from "../../registry/types.ts";
import type { Answers } from "../provision/answers.ts";
import { recordOf } from "./define.ts";
import type { Supervisor } from "./supervisor.ts";

/** Where the media of a run are, relative to the data root. `brought`: from where, where they are copied. */
export interface Medium {
  readonly name: string;
  readonly path: string;
  /** Absolute path of the original; absent where it is used as it is, or is made. */
  readonly from?: string;
  /** What its bytes must hash to. */
  readonly sha256?: string;
}

/**
 * The media of a guest while it installs itself, the one that it boots from first. A medium below the data root is used where
 * it lies; any other is copied, because a guest opens nothing outside.
 *
 * @param place folder of the guest and the run's own names, relative to the data root
 */
export function mediaOf(
  answers: Answers,
  root: string,
  place: { readonly media: string; readonly seed: string },
): readonly Medium[] {
  const seed = { name: "seed", path: place.seed };
  if (answers.type === "linux") return [seed];
  const { windows_iso, windows_iso_sha256, virtio_iso, virtio_iso_sha256 } = answers.media;
  return [
    medium("install", windows_iso, windows_iso_sha256),
    medium("virtio", virtio_iso, virtio_iso_sha256),
    seed,
  ];

  function medium(name: string, from: string, sha256: string | undefined): Medium {
    const hash = sha256 === undefined ? {} : { sha256 };
    return from.startsWith(`${root}/`)
      ? { name, path: from.slice(root.length + 1), ...hash }
      : { name, path: `${place.media}/${name}.iso`, from, ...hash };
  }
}

/** The guest's record: with its media while it installs itself, without them afterwards. Its network is never asked for by it. */
export function recordFor(
  answers: Answers,
  id: VmId,
  of: { readonly folder: string; readonly machine: string; readonly media: readonly Medium[] },
): VmRecord {
  const { guest, firmware, disk } = answers;
  const { record } = recordOf(
    {
      id,
      type: answers.type,
      ...(guest.name === undefined ? {} : { name: guest.name }),
      vcpu: guest.vcpu,
      memory_mib: guest.memory_mib,
      ...(disk.size === undefined ? {} : { disk: { bytes: disk.size } }),
      tpm: firmware.tpm,
      secure_boot: firmware.secure_boot,
      profile: guest.profile,
    },
    of.folder,
    of.machine,
  );
  if (of.media.length === 0) return record;
  const cdroms = Object.fromEntries(of.media.map(({ name, path }) => [name, path]));
  return { ...record, storage: { ...record.storage, cdroms } };
}

/** What policy would decide about one thing that a run will ask for. */
export interface Foreseen {
  readonly action: PolicyAction;
  readonly decision: Decision;
}

/** What policy says now of everything that a run will ask for. It is asked again each time. */
export async function foresee(s: Supervisor, record: VmRecord, answers: Answers): Promise<Foreseen[]> {
  const facts = await s.policyFactsNow(undefined);
  const ask = (action: PolicyAction, more: Partial<PolicyRequest> = {}): Foreseen => ({
    action,
    decision: decide(s.policy, { action, trigger: "operator", guest: record, facts, ...more }),
  });
  const { during_install, profile } = answers.network;
  return [
    ask("provision.begin"),
    ask("vm.define", answers.disk.size === undefined ? {} : { diskBytes: answers.disk.size }),
    ask("vm.start"),
    // Its medium asks for a key.
    ...(answers.type === "windows"
      ? [
        ask("vm.present", { facts: { ...facts, guestRunning: true } }),
        ask("vm.input", { facts: { ...facts, guestRunning: true, presented: record.id } }),
      ]
      : []),
    ...(during_install
      ? [ask("net.set", {
        network: { profile, provisioning: true },
        facts: { ...facts, guestRunning: true },
      })]
      : []),
    ...(answers.baseline.take ? [ask("snapshot.create", { snapshot: { count: 0 } })] : []),
  ];
}
