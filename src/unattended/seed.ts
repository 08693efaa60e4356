/** A guest's seed medium: which files are on it, and what it is called. */
import type { LinuxAnswers, WindowsAnswers } from "../provision/answers.ts";
import { autounattend, type WindowsFacts } from "./autounattend.ts";
import type { Seed } from "./files.ts";
import { type LinuxFacts, noCloudSeed } from "./no_cloud.ts";

/** Name that cloud-init finds a NoCloud seed by. */
const NO_CLOUD_VOLUME = "cidata";
/** Windows Setup looks for a file of its name on every removable medium. */
const WINDOWS_VOLUME = "RAYVISOR";

/** The seed of a Linux guest. */
export function linuxSeed(answers: LinuxAnswers, facts: LinuxFacts): Seed {
  const files = noCloudSeed(answers, facts);
  return {
    volume: NO_CLOUD_VOLUME,
    files: [
      { name: "meta-data", text: files["meta-data"] },
      {
        name: "user-data",
        text: files["user-data"],
        ...(facts.passwordHash === undefined ? {} : { secret: HASH }),
      },
      { name: "network-config", text: files["network-config"] },
    ],
  };
}

/** The seed of a Windows guest. */
export function windowsSeed(answers: WindowsAnswers, facts: WindowsFacts): Seed {
  return {
    volume: WINDOWS_VOLUME,
    files: [{ name: "autounattend.xml", text: autounattend(answers, facts), secret: PASSWORD }],
  };
}

const HASH = "the hash of a password";
const PASSWORD = "a password in a form that anybody can read back";
