/**
 * The NoCloud seed by which cloud-init makes a guest of a cloud image.
 * https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
 */
import type { VmId } from "../core/ids.ts";
import type { LinuxAnswers } from "../provision/answers.ts";
import { yamlDocument, type YamlValue } from "./yaml.ts";

/** What a seed needs beside the answers. */
export interface LinuxFacts {
  readonly id: VmId;
  /** Another one for each installation: cloud-init does everything once for each. */
  readonly instanceId: string;
  /** Hash of the user's password, crypt(5); left out where nobody logs in by password. */
  readonly passwordHash?: string;
}

/** The files of a NoCloud seed, by name. `user-data` holds the hash of the password. */
export interface NoCloudFiles {
  readonly "meta-data": string;
  readonly "user-data": string;
  readonly "network-config": string;
}

/** A host name made of a guest's id: one label, so without dots and underscores. */
export function hostnameOf(id: VmId): string {
  return id.replace(/[^a-z0-9]+/g, "-").slice(0, 63).replace(/^-+|-+$/g, "");
}

/** Is there in the guest when its first boot has done all it was told to do. */
const DONE = "/run/rayvisor-installed";

/** The three files of a seed. */
export function noCloudSeed(answers: LinuxAnswers, facts: LinuxFacts): NoCloudFiles {
  const hostname = answers.linux.hostname ?? hostnameOf(facts.id);
  return {
    "meta-data": yamlDocument({ "instance-id": facts.instanceId, "local-hostname": hostname }),
    "user-data": `#cloud-config\n${yamlDocument(userData(answers, hostname, facts.passwordHash))}`,
    "network-config": yamlDocument(networkConfig(answers)),
  };
}

function userData(
  answers: LinuxAnswers,
  hostname: string,
  passwordHash: string | undefined,
): { readonly [key: string]: YamlValue } {
  const { linux, network } = answers;
  const packages = network.during_install ? ["qemu-guest-agent", ...linux.packages] : [];
  return {
    hostname,
    preserve_hostname: false,
    locale: linux.locale,
    timezone: linux.timezone,
    ...(linux.keyboard === undefined ? {} : { keyboard: { layout: linux.keyboard } }),
    users: [user(answers, passwordHash)],
    disable_root: true,
    ssh_pwauth: false,
    growpart: { devices: ["/"] },
    resize_rootfs: true,
    // Without a network nothing is asked for: it would only be waited for.
    ...(packages.length === 0 ? {} : { package_update: true, packages: [...new Set(packages)] }),
    runcmd: [
      // cloud-init makes one script of the list: the first command that fails ends it, and the guest stays on.
      "set -e",
      ["passwd", "-l", "root"],
      ["systemctl", "enable", "qemu-guest-agent.service"],
      ["systemctl", "start", "qemu-guest-agent.service"],
      // Where a seed describes a network, netplan has each boot wait two minutes for a card, and the agent comes after that.
      ["systemctl", "mask", "systemd-networkd-wait-online.service"],
      ...linux.run,
      ["touch", DONE],
    ],
    // The last act, and only of a guest that is finished: its going off is what tells the host so.
    power_state: { mode: "poweroff", delay: "now", condition: ["test", "-e", DONE] },
  };
}

/** The only user: the list takes the place of the image's own. */
function user(
  answers: LinuxAnswers,
  passwordHash: string | undefined,
): { readonly [key: string]: YamlValue } {
  const { name, full_name, administrator, ssh_keys } = answers.user;
  const sudo = passwordHash === undefined ? "ALL=(ALL) NOPASSWD:ALL" : "ALL=(ALL) ALL";
  return {
    name,
    // useradd takes no colon here: it divides the fields of passwd(5).
    ...(full_name === undefined ? {} : { gecos: full_name.replaceAll(/[:,]/g, " ") }),
    shell: "/bin/bash",
    ...(administrator ? { sudo } : {}),
    lock_passwd: passwordHash === undefined,
    ...(passwordHash === undefined ? {} : { passwd: passwordHash }),
    ...(ssh_keys.length === 0 ? {} : { ssh_authorized_keys: [...ssh_keys] }),
  };
}

/** Whatever card the guest gets, now or later, asks for its address. While it is installed without one, none is waited for. */
function networkConfig(answers: LinuxAnswers): { readonly [key: string]: YamlValue } {
  return {
    version: 2,
    ethernets: { any: { match: { name: "e*" }, dhcp4: true, optional: !answers.network.during_install } },
  };
}
