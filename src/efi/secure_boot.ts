/** What a variable store says about Secure Boot (UEFI 2.10, chapter 32). */
import { Bytes } from "./bytes.ts";
import { subjectCommonName } from "./der.ts";
import type { EfiVariable } from "./var_store.ts";

const GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const IMAGE_SECURITY_DATABASE = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";
/** EDK2's own switch: gEfiSecureBootEnableDisableGuid. The volatile `SecureBoot` is derived from it at each boot. */
const SECURE_BOOT_ENABLE = "f0a30bc7-af08-4556-99c4-001009c93a44";
const X509 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072";

/** One entry of a signature database: a certificate with its subject's common name, or a hash. */
export interface Signature {
  /** GUID of the kind of entry. */
  readonly type: string;
  readonly owner: string;
  readonly certificateName?: string;
}

export interface SecureBootState {
  /** True without a platform key: anyone may enroll keys and nothing is enforced. */
  readonly setupMode: boolean;
  /** Subject names of the key exchange keys' and the allowed database's certificates ("?" when one has none). */
  readonly keks: readonly string[];
  readonly db: readonly string[];
  /** Entries of the forbidden database. */
  readonly dbxCount: number;
  /** EDK2's switch; undefined when the store doesn't hold it yet (firmware then turns it on outside setup mode). */
  readonly secureBootEnable?: boolean;
  /** Whether firmware that boots with this store enforces Secure Boot. */
  readonly enforced: boolean;
}

/** Pure; a malformed database counts as far as it can be read. */
export function secureBootState(variables: readonly EfiVariable[]): SecureBootState {
  const find = (name: string, guid: string) =>
    variables.find((v) => v.name === name && v.guid === guid)?.data;
  const list = (name: string, guid: string) => parseSignatureLists(find(name, guid) ?? new Uint8Array());
  const setupMode = list("PK", GLOBAL).length === 0;
  const enable = find("SecureBootEnable", SECURE_BOOT_ENABLE)?.[0];
  return {
    setupMode,
    keks: certificateNames(list("KEK", GLOBAL)),
    db: certificateNames(list("db", IMAGE_SECURITY_DATABASE)),
    dbxCount: list("dbx", IMAGE_SECURITY_DATABASE).length,
    ...(enable === undefined ? {} : { secureBootEnable: enable === 1 }),
    enforced: !setupMode && enable !== 0,
  };
}

function certificateNames(signatures: readonly Signature[]): string[] {
  return signatures.filter((s) => s.type === X509).map((s) => s.certificateName ?? "?");
}

/** The entries of a concatenation of EFI_SIGNATURE_LISTs (UEFI 2.10, 32.4.1); stops at the first malformed list. */
export function parseSignatureLists(data: Uint8Array): Signature[] {
  const bytes = new Bytes(data);
  const found: Signature[] = [];
  for (let at = 0; at + 28 <= data.length;) {
    const type = bytes.guid(at) ?? "";
    const size = bytes.u32(at + 16) ?? 0, header = bytes.u32(at + 20) ?? 0, each = bytes.u32(at + 24) ?? 0;
    if (each < 16 || size < 28 + header || at + size > data.length) break;
    for (let entry = at + 28 + header; entry + each <= at + size; entry += each) {
      const name = type === X509 ? subjectCommonName(data.subarray(entry + 16, entry + each)) : undefined;
      found.push({
        type,
        owner: bytes.guid(entry) ?? "",
        ...(name === undefined ? {} : { certificateName: name }),
      });
    }
    at += size;
  }
  return found;
}
