/** What each action of the table takes, as schemas: for whoever performs actions or describes them. */
import * as z from "zod";
import { parseVmId, VM_ID_RULE } from "../core/ids.ts";
import { type ActionId, MAX_GRACE_S } from "./table.ts";

/** A guest id as a parameter. */
const vmId = z.string().transform((text, context) => {
  const id = parseVmId(text);
  if (id) return id;
  context.addIssue({ code: "custom", message: `a guest id is ${VM_ID_RULE}` });
  return z.NEVER;
});
const ofGuest = z.strictObject({ id: vmId });
const none = z.strictObject({});

/** A new guest in a few words; the supervisor makes a whole record of it. */
const definition = z.strictObject({
  id: vmId,
  type: z.enum(["linux", "windows"]),
  name: z.string().optional(),
  vcpu: z.int().min(1).optional(),
  memory_mib: z.int().min(64).optional(),
  /** A path under the data root that is there, or the size in bytes of a new disk. */
  disk: z.union([z.strictObject({ path: z.string() }), z.strictObject({ bytes: z.int().min(1) })]).optional(),
  /** Install medium: a path under the data root. */
  cdrom: z.string().optional(),
  tpm: z.boolean().optional(),
  secure_boot: z.boolean().optional(),
  profile: z.string().optional(),
});
export type Definition = z.output<typeof definition>;

/** A file outside the data root that is copied in for a new guest (`src/interop/types.ts`). */
const bring = z.strictObject({
  as: z.enum(["disk", "medium", "variables", "tpm"]),
  /** Absolute. */
  from: z.string().min(1).max(4096),
  format: z.enum(["qcow2", "raw"]),
  /** In the guest's folder, relative to the data root. */
  to: z.string().min(1).max(1024),
});

/** A policy file that is not in the data root. Its size is bounded by the request's, then by the loader. */
const policyFile = z.strictObject({
  text: z.string(),
  /** Text of its signature file. */
  signature: z.string().optional(),
  /** Its name, for messages. */
  name: z.string().min(1).max(4096).optional(),
});

const snapshotName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/);
const answersText = z.string().max(256 * 1024);
const folder = z.string().startsWith("/").max(4096);

/** Parameters of each action, by its id. */
export const PARAMS = {
  "status": none,
  "vm.list": none,
  "vm.show": ofGuest,
  "vm.argv": ofGuest,
  "vm.firmware": ofGuest,
  "vm.define": z.union([z.strictObject({ record: z.unknown() }), z.strictObject({ definition })]),
  "vm.export": z.strictObject({
    id: vmId,
    format: z.enum(["libvirt"]).optional(),
    /** Version of the libvirt that is to read it, for example `9.0`. */
    libvirt: z.string().regex(/^\d{1,3}\.\d{1,3}$/).optional(),
  }),
  "vm.import": z.strictObject({
    record: z.unknown(),
    bring: z.array(bring).max(64),
    /** State that may be made anew where it is not found or can't be used; otherwise that is a failure. */
    anew: z.array(z.enum(["variables", "tpm"])).max(2).optional(),
    /** Where the description came from, for the trail. */
    source: z.string().max(4096).optional(),
  }),
  "vm.start": z.strictObject({
    id: vmId,
    wait: z.enum(["running", "ready"]).optional(),
    /** Drops the state of a suspended guest and boots it anew. */
    cold: z.boolean().optional(),
  }),
  "vm.stop": z.strictObject({ id: vmId, grace_s: z.number().min(0).max(MAX_GRACE_S).optional() }),
  "vm.kill": ofGuest,
  "vm.suspend": ofGuest,
  "vm.pause": ofGuest,
  "vm.resume": ofGuest,
  "vm.reset": ofGuest,
  "vm.delete": z.strictObject({ id: vmId, disks: z.boolean().optional() }),
  "vm.present": ofGuest,
  "vm.hide": ofGuest,
  "baseline.create": z.strictObject({ id: vmId, name: snapshotName.optional() }),
  "provision.plan": z.strictObject({ id: vmId, answers: answersText, folder: folder.optional() }),
  "provision.begin": z.strictObject({
    id: vmId,
    /** Text of an answers file. Absent: an interrupted run goes on. */
    answers: answersText.optional(),
    /** Absolute path of the folder that relative paths in the answers are taken from. */
    folder: folder.optional(),
    /** The user's password, where the answers name none by its hash. */
    password: z.string().min(1).max(256).optional(),
    /** Answers only when the run is over. */
    wait: z.boolean().optional(),
  }),
  "provision.cancel": z.strictObject({ id: vmId, undo: z.boolean().optional() }),
  "net.show": ofGuest,
  "net.set": z.strictObject({ id: vmId, profile: z.string().min(1).max(64) }),
  "policy.explain": z.strictObject({ id: vmId, action: z.string(), profile: z.string().optional() }),
  "policy.check": policyFile,
  "policy.apply": policyFile,
  "job.list": none,
  "job.cancel": z.strictObject({ job: z.uuid() }),
  "supervisor.stop": none,
} as const satisfies Record<ActionId, z.ZodType>;

export type ActionParams<A extends ActionId> = z.output<typeof PARAMS[A]>;

/**
 * Parameters whose values are never put on record: of these, the audit trail has the names alone. To be added with every
 * action that takes what is typed into a guest, a password or a key.
 */
export const SECRET_PARAMS: { readonly [A in ActionId]?: readonly (keyof ActionParams<A> & string)[] } = {
  // A product key or the hash of a password may stand in it.
  "provision.begin": ["answers", "password"],
};

/** The schema of an action's parameters, with the type that all share. */
export function paramsOf(id: ActionId): z.ZodType {
  return PARAMS[id];
}
