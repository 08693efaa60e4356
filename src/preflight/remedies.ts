/** What to do about it, for this distribution and this user. Pure. */
import { installCommand, type Need } from "../host/distribution.ts";
import type { JudgeContext } from "./types.ts";

/** The command that installs these. */
export function install(needs: readonly Need[], { distribution, isRoot }: JudgeContext): string {
  return distribution
    ? installCommand(distribution, needs, isRoot)
    : `install ${needs.join(", ")} with this system's package manager (its distribution is not known here)`;
}

/** A command for root, as this user types it. */
export function asRoot(command: string, { isRoot }: JudgeContext): string {
  return isRoot ? command : `sudo ${command}`;
}

/** Puts the user into a group, which counts from the next login on. */
export function joinGroup(group: string, context: JudgeContext): string {
  return `${asRoot(`usermod -aG ${group} ${context.user}`, context)}, then log out and in again`;
}
