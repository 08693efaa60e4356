/** The one place that imports the library for questions and progress on a terminal. */
export { confirm, intro, isCancel, log, note, outro, password, S_BAR, select, spinner, text } from "prompts";
