/**
 * Every key of an answers file of version 0: type, range, default and meaning. Reading, `docs/answers.md` and the test of the
 * template all use this table.
 */
import type { GuestKind } from "../core/ids.ts";
import {
  bool,
  defaulted,
  type Field,
  int,
  list,
  oneOf,
  only,
  optional,
  required,
  section,
  type Shape,
  table,
} from "../core/shape.ts";
import * as shapes from "./answers_shapes.ts";

interface Guest<K extends GuestKind> {
  readonly type: K;
  readonly name?: string;
  readonly vcpu: number;
  readonly memory_mib: number;
  readonly profile: string;
}

interface Common {
  readonly version: 0;
  readonly firmware: { readonly secure_boot: boolean; readonly tpm: boolean };
  readonly network: { readonly during_install: boolean; readonly profile: string };
  readonly install: { readonly timeout_minutes: number };
  readonly baseline: { readonly take: boolean; readonly name: string };
}

interface User {
  readonly name: string;
  readonly full_name?: string;
  readonly administrator: boolean;
  readonly password_file?: string;
  readonly password_prompt: boolean;
}

/** An answers file of a Linux guest, as it is written. Sizes are bytes. */
export interface LinuxFile extends Common {
  readonly guest: Guest<"linux">;
  readonly disk: {
    readonly image: string;
    readonly image_format: "qcow2" | "raw";
    readonly image_sha256?: string;
    readonly size?: number;
  };
  readonly linux: {
    readonly hostname?: string;
    readonly locale: string;
    readonly timezone: string;
    readonly keyboard?: string;
    readonly packages: readonly string[];
    /** Each a program with its arguments. */
    readonly run: readonly (readonly string[])[];
  };
  readonly user: User & { readonly password_hash?: string; readonly ssh_keys: readonly string[] };
}

export type Telemetry = "off" | "required" | "optional";

/** An answers file of a Windows guest, as it is written. Sizes are bytes. */
export interface WindowsFile extends Common {
  readonly guest: Guest<"windows">;
  readonly disk: { readonly size: number };
  readonly media: {
    readonly windows_iso: string;
    readonly windows_iso_sha256?: string;
    readonly virtio_iso: string;
    readonly virtio_iso_sha256?: string;
  };
  readonly windows: {
    readonly edition: string;
    readonly language: string;
    readonly keyboard?: string;
    readonly timezone: string;
    readonly computer_name?: string;
    readonly product_key?: string;
    readonly remote_desktop: boolean;
    readonly telemetry: Telemetry;
    readonly guest_agent: boolean;
  };
  readonly user: User;
}

export type AnswersFile = LinuxFile | WindowsFile;

/** Name of the baseline that a Windows guest gets where none is named. */
export const GATE_BASELINE = "win11-gate-clean";

function guest<K extends GuestKind>(kind: K): Shape<Guest<K>> {
  const isLinux = kind === "linux";
  return table<Guest<K>>({
    // A literal type is the same as its own Exclude<.., undefined>, which TypeScript can't see for a parameter.
    type: required(oneOf([kind]) as Shape<Exclude<K, undefined>>, "What it runs."),
    name: optional(shapes.displayName, "Shown to people. Left out: the guest's id."),
    vcpu: defaulted(int(1, 512), isLinux ? 1 : 2, "vCPUs; policy says how many it may have."),
    memory_mib: defaulted(
      int(64, 16 * 1024 * 1024),
      isLinux ? 1024 : 4096,
      "Memory, MiB; policy says how much.",
    ),
    profile: defaulted(shapes.profileName, `default-${kind}`, "The profile of the policy that it is under."),
  });
}

function firmware(kind: GuestKind): Shape<Common["firmware"]> {
  const fallback = kind === "windows";
  const must = fallback ? " Must be true." : "";
  return table<Common["firmware"]>({
    secure_boot: defaulted(bool, fallback, `UEFI Secure Boot with Microsoft's keys enrolled.${must}`),
    tpm: defaulted(bool, fallback, `A virtual TPM 2.0.${must}`),
  });
}

const network = table<Common["network"]>({
  during_install: defaulted(
    bool,
    false,
    "Whether it gets a network while it is installed (`provisioning_only`), if policy allows. It is off at the end.",
  ),
  profile: defaulted(shapes.profileName, "unrestricted", "The network profile that is asked for meanwhile."),
});

const install = (kind: GuestKind) =>
  table<Common["install"]>({
    timeout_minutes: defaulted(
      int(1, 1440),
      kind === "windows" ? 120 : 30,
      "How long the installation may take, minutes. After that the run has failed.",
    ),
  });

const baseline = (kind: GuestKind) =>
  table<Common["baseline"]>({
    take: defaulted(bool, true, "Whether disk, UEFI variables and TPM state are copied when it is ready."),
    name: defaulted(
      shapes.profileName,
      kind === "windows" ? GATE_BASELINE : "clean",
      "What the copy is called.",
    ),
  });

function userFields(kind: GuestKind) {
  return {
    full_name: optional(shapes.displayName, "Their name in full."),
    administrator: defaulted(
      bool,
      true,
      kind === "windows" ? "Whether they belong to Administrators." : "Whether they may use sudo.",
    ),
    password_file: optional(
      shapes.hostPath,
      "File whose first line is the password. It must belong to who runs this, mode 0600.",
    ),
    password_prompt: defaulted(bool, false, "Ask for the password; needs a terminal."),
  };
}

/** A file of a Linux guest. */
export const LINUX_SHAPE: Shape<LinuxFile> = table<LinuxFile>({
  version: required(only(0), "Version of this form."),
  guest: required(guest("linux"), "The guest; its id is the command's argument."),
  disk: required(
    table<LinuxFile["disk"]>({
      image: required(
        shapes.hostPath,
        "A cloud image with cloud-init. It is copied into the guest's folder and stays as it is.",
      ),
      image_format: required(oneOf(["qcow2", "raw"]), "Its format; never guessed."),
      image_sha256: optional(shapes.sha256, "Its SHA-256; another one is refused."),
      size: optional(shapes.size(1024 * 1024), "What the copy is grown to. Left out: the image's own size."),
    }),
    "Its disk.",
  ),
  firmware: section(firmware("linux"), "Its firmware, UEFI always."),
  linux: section(
    table<LinuxFile["linux"]>({
      hostname: optional(shapes.hostname, "Left out: made from the guest's id."),
      locale: defaulted(shapes.locale, "C.UTF-8", "Locale."),
      timezone: defaulted(shapes.zone, "UTC", "Time zone, a name of the tz database."),
      keyboard: optional(
        shapes.keyboardLayout,
        "Keyboard layout, a name of XKB. Left out: as the image has it.",
      ),
      packages: defaulted(
        list(shapes.packageName, 256),
        [],
        "Packages to be installed; needs `network.during_install`.",
      ),
      run: defaulted(
        shapes.commands,
        [],
        "Commands to be run as root at the end of the first boot, each a program with its arguments; no shell reads them.",
      ),
    }),
    "The system.",
  ),
  user: required(
    table<LinuxFile["user"]>({
      name: required(shapes.linuxUser, "Login name."),
      ...userFields("linux"),
      password_hash: optional(shapes.cryptHash, "Hash of the password, as crypt(5) writes it."),
      ssh_keys: defaulted(list(shapes.sshKey, 64), [], "Public keys that may log in."),
    }),
    "The one user. The root account is locked.",
  ),
  network: section(network, "The network while it is installed."),
  install: section(install("linux"), "The installation."),
  baseline: section(baseline("linux"), "The copy that it can be put back to."),
});

/** A file of a Windows guest. */
export const WINDOWS_SHAPE: Shape<WindowsFile> = table<WindowsFile>({
  version: required(only(0), "Version of this form."),
  guest: required(guest("windows"), "The guest; its id is the command's argument."),
  disk: section(
    table<WindowsFile["disk"]>({
      size: defaulted(
        shapes.size(20 * 1024 ** 3),
        64 * 1024 ** 3,
        "Size of its disk, which is made anew. Less than 64 GiB is below what Windows 11 asks for.",
      ),
    }),
    "Its disk.",
  ),
  firmware: section(firmware("windows"), "Its firmware."),
  media: required(
    table<WindowsFile["media"]>({
      windows_iso: required(shapes.hostPath, "The medium of Windows 11, as Microsoft gives it out."),
      windows_iso_sha256: optional(shapes.sha256, "Its SHA-256; another one is refused."),
      virtio_iso: required(shapes.hostPath, "The medium of the virtio drivers (virtio-win.iso)."),
      virtio_iso_sha256: optional(shapes.sha256, "Its SHA-256; another one is refused."),
    }),
    "Media to install from.",
  ),
  windows: required(
    table<WindowsFile["windows"]>({
      edition: required(
        shapes.edition,
        "The edition, as the medium names it: `rayvisor iso inspect` lists them.",
      ),
      language: defaulted(shapes.language, "en-US", "Language; one that the medium has."),
      keyboard: optional(shapes.windowsKeyboard, "Keyboard. Left out: that of the language."),
      timezone: defaulted(shapes.windowsZone, "UTC", "Time zone, by its name in Windows."),
      computer_name: optional(shapes.computerName, "Left out: made from the guest's id."),
      product_key: optional(
        shapes.productKey,
        "Left out: Microsoft's published setup key of the edition, which selects it and activates nothing.",
      ),
      remote_desktop: defaulted(bool, false, "Whether Remote Desktop is on."),
      telemetry: defaulted(
        oneOf(["off", "required", "optional"]),
        "required",
        "Diagnostic data. off: only Enterprise and Education heed it, the others send what is required.",
      ),
      guest_agent: defaulted(
        bool,
        true,
        "Whether the guest agent is installed; the host needs it to see that it is ready.",
      ),
    }),
    "The system.",
  ),
  user: required(
    table<WindowsFile["user"]>({
      name: required(shapes.windowsUser, "Login name of the local account."),
      ...userFields("windows"),
    }),
    "The one user.",
  ),
  network: section(network, "The network while it is installed."),
  install: section(install("windows"), "The installation."),
  baseline: section(baseline("windows"), "The copy that it can be put back to."),
});

/** The shape of a kind. */
export function answersShape(kind: GuestKind): Shape<AnswersFile> {
  return kind === "linux" ? LINUX_SHAPE : WINDOWS_SHAPE;
}

/** Every key path of a kind's file with its field, in the order of the file. */
export function answersKeys(kind: GuestKind): readonly (readonly [string, Field<unknown>])[] {
  const walk = (shape: Shape<unknown>, prefix: string): readonly (readonly [string, Field<unknown>])[] =>
    Object.entries(shape.fields ?? {}).flatMap(([key, field]) => [
      [`${prefix}${key}`, field] as const,
      ...walk(field.shape, `${prefix}${key}.`),
    ]);
  return walk(answersShape(kind), "");
}
