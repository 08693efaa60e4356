/** What the wizard asks, as a table: in which order, of whom, with which words. Defaults and what is allowed are the schema's. */
import type { GuestKind } from "../core/ids.ts";

/** Steps of the wizard, in their order. */
export const STEPS = [
  "guest",
  "medium",
  "size",
  "firmware",
  "system",
  "user",
  "network",
  "baseline",
] as const;
export type WizardStep = (typeof STEPS)[number];

export const STEP_TITLES: Readonly<Record<WizardStep, string>> = {
  guest: "The guest",
  medium: "What it is made from",
  size: "Its size",
  firmware: "Its firmware",
  system: "Its system",
  user: "Its user",
  network: "The network while it is installed",
  baseline: "The copy at the end",
};

/** What was said so far, by the key path of an answers file; {@link LOGIN} stands for the keys by which the user logs in. */
export type Draft = Readonly<Record<string, DraftValue>>;
export type DraftValue = string | number | boolean | readonly string[];

/** A question that is no key: how the user logs in. */
export const LOGIN = "user.login";
export const LOGIN_WAYS = ["prompt", "file", "key"] as const;

/** A question as it stands in the table. */
export interface Entry {
  readonly id: string;
  readonly step: WizardStep;
  readonly title: string;
  /** Why it is asked, or what follows from it, where the schema's own words are not enough. */
  readonly why?: string;
  /** Only of guests of this kind. */
  readonly of?: GuestKind;
  /** Only where this holds for what was said before. */
  readonly when?: (draft: Draft) => boolean;
  /** Has to be answered although the schema would let it be left out. */
  readonly must?: (draft: Draft) => boolean;
}

const is = (id: string, value: DraftValue) => (draft: Draft) => draft[id] === value;

export const ENTRIES: readonly Entry[] = [
  {
    id: "guest.type",
    step: "guest",
    title: "Kind",
    why: "Windows 11 is installed from its medium, Linux is made from a cloud image.",
  },
  { id: "guest.name", step: "guest", title: "Name" },
  { id: "guest.profile", step: "guest", title: "Profile of the policy" },
  { id: "media.windows_iso", step: "medium", of: "windows", title: "Medium of Windows 11" },
  { id: "media.virtio_iso", step: "medium", of: "windows", title: "Medium of the virtio drivers" },
  { id: "disk.image", step: "medium", of: "linux", title: "Cloud image" },
  { id: "disk.image_format", step: "medium", of: "linux", title: "Its format" },
  { id: "disk.size", step: "size", title: "Size of the disk" },
  { id: "guest.vcpu", step: "size", title: "vCPUs" },
  { id: "guest.memory_mib", step: "size", title: "Memory, MiB" },
  // Of a Windows guest nothing is asked: both are on.
  { id: "firmware.secure_boot", step: "firmware", of: "linux", title: "Secure Boot?" },
  { id: "firmware.tpm", step: "firmware", of: "linux", title: "TPM 2.0?" },
  { id: "windows.edition", step: "system", of: "windows", title: "Edition" },
  { id: "windows.language", step: "system", of: "windows", title: "Language" },
  { id: "windows.keyboard", step: "system", of: "windows", title: "Keyboard" },
  { id: "windows.timezone", step: "system", of: "windows", title: "Time zone" },
  { id: "windows.computer_name", step: "system", of: "windows", title: "Computer name" },
  { id: "windows.remote_desktop", step: "system", of: "windows", title: "Remote Desktop?" },
  { id: "windows.telemetry", step: "system", of: "windows", title: "Diagnostic data" },
  { id: "linux.hostname", step: "system", of: "linux", title: "Host name" },
  { id: "linux.locale", step: "system", of: "linux", title: "Locale" },
  { id: "linux.timezone", step: "system", of: "linux", title: "Time zone" },
  { id: "linux.keyboard", step: "system", of: "linux", title: "Keyboard" },
  { id: "user.name", step: "user", title: "Login name" },
  { id: "user.full_name", step: "user", title: "Name in full" },
  { id: "user.administrator", step: "user", title: "Administrator?" },
  {
    id: LOGIN,
    step: "user",
    title: "How do they log in?",
    why: "A password never stands in an answers file: it is asked for, or read from a file of your own.",
  },
  {
    id: "user.password_file",
    step: "user",
    title: "File of the password",
    when: is(LOGIN, "file"),
    must: () => true,
  },
  {
    id: "user.ssh_keys",
    step: "user",
    of: "linux",
    title: "Public key of SSH",
    why: "The content of a .pub file, one line.",
    must: is(LOGIN, "key"),
  },
  { id: "network.during_install", step: "network", title: "A network while it is installed?" },
  {
    id: "network.profile",
    step: "network",
    title: "Network profile",
    when: is("network.during_install", true),
  },
  {
    id: "linux.packages",
    step: "network",
    of: "linux",
    title: "Packages",
    why: "Names, with blanks between them. They are fetched by the network.",
    when: is("network.during_install", true),
  },
  { id: "baseline.take", step: "baseline", title: "Keep a copy when it is ready?" },
  { id: "baseline.name", step: "baseline", title: "Name of the copy", when: is("baseline.take", true) },
];
