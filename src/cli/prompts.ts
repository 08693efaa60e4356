/** The one place that imports the library for questions and progress on a terminal. */
export { isCancel, log, password, spinner } from "prompts";
