/** UEFI firmware, and whose signatures it takes. */
import { GUEST_KINDS } from "../../core/ids.ts";
import { sanitizeLine } from "../../core/sanitize.ts";
import { ok } from "../../core/result.ts";
import { storeEvidence } from "../../efi/evidence.ts";
import { type Answer, attempt, type Facts } from "../facts.ts";
import { install } from "../remedies.ts";
import { bad, check, pass, skip, warn } from "../types.ts";

const FIRMWARE_LIMIT_MS = 35_000;

const secureBoot = check({
  id: "firmware.ovmf_secure_boot",
  group: "firmware",
  blocks: ["windows"],
  limitMs: FIRMWARE_LIMIT_MS,
  title: "UEFI with Secure Boot",
  why: "Windows 11 demands Secure Boot: firmware that enforces it, and variables that hold the keys.",
  judged:
    "FAIL unless a firmware descriptor names code and variables for q35 with secure-boot, requires-smm and enrolled-keys.",
  ask: (facts: Facts) => facts.secureFirmware(),
  judge: (found, context) =>
    found.ok
      ? pass(`${found.value.code.path} with ${found.value.varsTemplate.path}`)
      : bad(found.error, install(["firmware"], context)),
});

/** Which authorities a variable store trusts. */
export interface Certificates {
  readonly keks: readonly string[];
  readonly db: readonly string[];
}

interface Stores {
  readonly template: Answer<Certificates> | undefined;
  readonly guests: readonly { readonly name: string; readonly found: Answer<Certificates> }[];
}

/**
 * Certificates of Microsoft's authorities. Those of 2011 end in June (KEK, UEFI CA) and October 2026 (Windows Production PCA):
 * https://support.microsoft.com/topic/7ff40d33-95dc-4c3c-8725-a9b95457578e
 */
export const WINDOWS_2011 = "Microsoft Windows Production PCA 2011";
export const WINDOWS_2023 = "Windows UEFI CA 2023";
export const KEK_2023 = "Microsoft Corporation KEK 2K CA 2023";

/** What a store lacks to take what is signed from 2026 on; empty when nothing. */
export function lacks2023({ keks, db }: Certificates): string[] {
  return [
    ...(db.includes(WINDOWS_2023) ? [] : [WINDOWS_2023]),
    ...(keks.includes(KEK_2023) ? [] : [KEK_2023]),
  ];
}

const certificates = check({
  id: "firmware.certificates",
  group: "firmware",
  blocks: ["windows"],
  limitMs: FIRMWARE_LIMIT_MS,
  title: "Secure Boot certificates",
  why:
    "Microsoft's certificates of 2011 end in 2026; what is signed later is taken only by stores with those of 2023.",
  judged:
    "FAIL when a new guest's variables trust no Windows authority; WARN when they, or those of a guest that is there, lack the certificates of 2023.",
  ask: async (facts: Facts): Promise<Stores> => {
    const firmware = await facts.secureFirmware();
    const [template, guests] = await Promise.all([
      firmware.ok ? certificatesIn(facts, firmware.value.varsTemplate) : undefined,
      guestStores(facts),
    ]);
    return { template, guests };
  },
  judge({ template, guests }, context) {
    if (!template && guests.length === 0) {
      return skip("no variables to look into: see firmware.ovmf_secure_boot");
    }
    if (template?.ok && !template.value.db.some((name) => name === WINDOWS_2011 || name === WINDOWS_2023)) {
      return bad("the variables of new guests trust no Windows authority", install(["firmware"], context));
    }
    const found: string[] = [], old: string[] = [];
    const look = (name: string, store: Answer<Certificates>) => {
      if (!store.ok) found.push(`${name}: ${sanitizeLine(store.error, 200)}`);
      else if (lacks2023(store.value).length > 0) {
        old.push(`${name} lack ${lacks2023(store.value).join(" and ")}`);
      }
    };
    if (template) look("the variables of new guests", template);
    for (const guest of guests) look(`those of ${guest.name}`, guest.found);
    const words = [...old, ...found].join("; ");
    if (words === "") {
      return pass(
        `the certificates of 2023 are in the template${guests.length ? ` and ${guests.length} guests` : ""}`,
      );
    }
    return warn(
      words,
      old.length === 0
        ? "the file can't be read as a variable store: compare it with a backup"
        : `for new guests upgrade the firmware package to one that has them (${
          install(["firmware"], context)
        }); in a guest let Windows ` +
          "update its certificates, which changes its variables on purpose",
    );
  },
});

async function certificatesIn(
  { port, signal }: Facts,
  file: { readonly path: string; readonly format: "raw" | "qcow2" },
): Promise<Answer<Certificates>> {
  const image = await attempt(() => port.probes.variables(file, signal), signal);
  if (!image.ok) return image;
  const evidence = storeEvidence(image.value);
  if (!evidence) return { ok: false, error: `${file.path} is no UEFI variable store` };
  const names = (list: readonly string[]) => list.map((name) => sanitizeLine(name, 100));
  return ok({ keks: names(evidence.secureBoot.keks), db: names(evidence.secureBoot.db) });
}

/** Those of the data root's guests that enforce Secure Boot, as far as the root may be looked into. */
async function guestStores(facts: Facts): Promise<Stores["guests"]> {
  const stores: { name: string; path: string; format: "raw" | "qcow2" }[] = [];
  for (const kind of GUEST_KINDS) {
    const folder = `${facts.options.root}/vm/${kind}`;
    for (const id of (await facts.port.list(folder)).slice(0, MAX_GUESTS)) {
      const names = await facts.port.list(`${folder}/${id}`);
      const name = names.find((one) => /^ovmf_vars\.(qcow2|fd|raw)$/.test(one));
      if (name === undefined) continue;
      stores.push({
        name: sanitizeLine(id, 70),
        path: `${folder}/${id}/${name}`,
        format: name.endsWith(".qcow2") ? "qcow2" : "raw",
      });
    }
  }
  const looked = await Promise.all(stores.map(async ({ name, path, format }) => ({
    name,
    found: await certificatesIn(facts, { path, format }),
  })));
  // A store without any key enforces nothing, so nothing in it can end.
  return looked.filter(({ found }) => !found.ok || found.value.db.length > 0);
}

const MAX_GUESTS = 64;

export const FIRMWARE_CHECKS = [secureBoot, certificates];
