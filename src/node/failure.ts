export { catchingFailures, Failure } from "../diagnostics/failure.ts";
