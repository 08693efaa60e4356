/** `rayvisor completions bash|zsh|fish`: made from the tree of commands. */
import { type AnyCommand, Argument, Command, shownCommands } from "../command.ts";
import type { MakeContext } from "./shared.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = typeof SHELLS[number];

/** One command with what can follow it. */
interface Node {
  /** Words from the program's name to this command. */
  readonly path: readonly string[];
  readonly words: readonly { readonly word: string; readonly help: string }[];
}

export function completionsCommand(context: MakeContext, program: () => AnyCommand): AnyCommand {
  return new Command("completions").description("a completion script for a shell")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .action((shell, _options, command) => {
      const c = context(command);
      const script = completionScript(shell, program());
      c.output.result({ shell, script }, () => script);
    });
}

/** The script, to be put where the shell looks for completions. */
export function completionScript(shell: Shell, program: AnyCommand): string {
  const nodes = nodesOf(program, []);
  if (shell === "fish") return fish(nodes);
  const bash = bashScript(nodes);
  return shell === "bash" ? bash : `#compdef rayvisor\nautoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

function nodesOf(command: AnyCommand, path: readonly string[]): Node[] {
  const children = shownCommands(command);
  const own: Node = {
    path,
    words: [
      ...children.map((child) => ({ word: child.name(), help: child.description() })),
      ...command.options.flatMap((option) =>
        option.long ? [{ word: option.long, help: option.description }] : []
      ),
    ],
  };
  return [own, ...children.flatMap((child) => nodesOf(child, [...path, child.name()]))];
}

function bashScript(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, words }) =>
    `    "${path.join(" ")}") words="${words.map(({ word }) => word).join(" ")}" ;;`
  );
  return [
    "_rayvisor() {",
    '  local current="${COMP_WORDS[COMP_CWORD]}" path="" words="" i',
    "  for ((i = 1; i < COMP_CWORD; i++)); do",
    '    case "${COMP_WORDS[i]}" in -*) ;; *) [[ -n "$path" ]] && path+=" "; path+="${COMP_WORDS[i]}" ;; esac',
    "  done",
    "  # What is not a command (a guest's id, a file) ends the path.",
    '  while [[ -n "$path" ]] && ! _rayvisor_words "$path" >/dev/null; do',
    '    if [[ "$path" == *" "* ]]; then path="${path% *}"; else path=""; fi',
    "  done",
    '  words="$(_rayvisor_words "$path")"',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    "}",
    "_rayvisor_words() {",
    '  local words=""',
    '  case "$1" in',
    ...cases,
    "    *) return 1 ;;",
    "  esac",
    '  printf "%s\\n" "$words"',
    "}",
    "complete -o default -F _rayvisor rayvisor",
  ].join("\n");
}

function fish(nodes: readonly Node[]): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = ["complete -c rayvisor -f"];
  for (const { path, words } of nodes) {
    const children = words.filter(({ word }) => !word.startsWith("-")).map(({ word }) => word);
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
    const unseen = children.length ? [`not __fish_seen_subcommand_from ${children.join(" ")}`] : [];
    const condition = path.length === 0 && children.length
      ? "__fish_use_subcommand"
      : [...seen, ...unseen].join("; and ");
    for (const { word, help } of words) {
      const flag = word.startsWith("--") ? `-l ${word.slice(2)}` : `-a ${word}`;
      const when = word.startsWith("--") ? seen.join("; and ") : condition;
      lines.push(`complete -c rayvisor ${when ? `-n ${quote(when)} ` : ""}${flag} -d ${quote(help)}`);
    }
  }
  return lines.join("\n");
}
