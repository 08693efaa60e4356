/** Commands that Windows runs by itself while it is set up. */
import type { WindowsAnswers } from "../provision/answers.ts";
import type { Telemetry } from "../provision/answers_schema.ts";

/** Longest command line that an answer file may hold. SynchronousCommand/CommandLine: 1,024 characters. */
export const LONGEST_COMMAND = 1024;

/** `AllowTelemetry` of the policy "Allow Diagnostic Data". */
const TELEMETRY: Readonly<Record<Telemetry, number>> = { off: 0, required: 1, optional: 3 };

/** Commands of the specialize pass, run by the system before anybody is there. */
export function specializeCommands(answers: WindowsAnswers): readonly string[] {
  const { telemetry, remote_desktop } = answers.windows;
  const set = (key: string, name: string, value: number) =>
    `reg.exe add "HKLM\\${key}" /v ${name} /t REG_DWORD /d ${value} /f`;
  return [
    set("SOFTWARE\\Policies\\Microsoft\\Windows\\DataCollection", "AllowTelemetry", TELEMETRY[telemetry]),
    // The page that asks every new user about privacy. It only asks for more than the policy above allows.
    set("SOFTWARE\\Policies\\Microsoft\\Windows\\OOBE", "DisablePrivacyExperience", 1),
    // Remote Desktop, where it is on, wants to know who comes before it shows anything.
    ...(remote_desktop
      ? [
        set(
          "SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp",
          "UserAuthentication",
          1,
        ),
      ]
      : []),
  ];
}

/**
 * Commands of the first logon, one after the other: drivers, agent, cleaning up, and off. The guest powers itself off at the
 * very end, and not where the agent doesn't run; so its going off is what tells the host that it is finished.
 */
export function firstLogonCommands(answers: WindowsAnswers, letters: readonly string[]): readonly string[] {
  const { user, windows } = answers;
  return [
    // Not the bundle virtio-win-guest-tools.exe: that brings SPICE's agent too, which shares the clipboard.
    installFrom(letters, "virtio-win-gt-x64.msi"),
    ...(windows.guest_agent ? [installFrom(letters, "guest-agent\\qemu-ga-x86_64.msi")] : []),
    ...(user.administrator ? [] : [ordinaryUser(user.name)]),
    // Copies of the answer file, which holds the password, and what is left of the one logon.
    'cmd.exe /d /c "del /f /q %WINDIR%\\Panther\\unattend.xml %WINDIR%\\Panther\\unattend-original.xml"',
    `reg.exe delete "${WINLOGON}" /v DefaultPassword /f`,
    `reg.exe add "${WINLOGON}" /v AutoAdminLogon /t REG_SZ /d 0 /f`,
    windows.guest_agent ? OFF_WHEN_AGENT_RUNS : "shutdown.exe /s /t 0",
  ];
}

/** A service may take its time to start; one that isn't there is an error, and the line ends without a shutdown. */
const OFF_WHEN_AGENT_RUNS = 'powershell.exe -NoProfile -NonInteractive -Command "' +
  "$ErrorActionPreference = 'Stop'; $agent = Get-Service QEMU-GA; if ($agent.Status -ne 'Running') { Start-Service QEMU-GA }; " +
  "$agent.WaitForStatus('Running', '00:05:00'); shutdown.exe /s /t 0\"";

/**
 * Groups by their ids: their names are other ones in other languages. A name may have an apostrophe but no quote; PowerShell takes
 * the printer's apostrophes for apostrophes too. about_Quoting_Rules
 */
function ordinaryUser(name: string): string {
  const member = `'${name.replaceAll(/['\u2018-\u201b]/g, "$&$&")}'`;
  return `powershell.exe -NoProfile -NonInteractive -Command "Add-LocalGroupMember -SID S-1-5-32-545 -Member ${member}; ` +
    `Remove-LocalGroupMember -SID S-1-5-32-544 -Member ${member}"`;
}

const WINLOGON = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon";

/** Installs a package that lies on whichever CD-ROM has it. */
function installFrom(letters: readonly string[], file: string): string {
  const path = `%i:\\${file}`;
  return `cmd.exe /d /c "for %i in (${
    letters.join(" ")
  }) do @if exist ${path} start /wait msiexec.exe /i ${path} /qn /norestart"`;
}
