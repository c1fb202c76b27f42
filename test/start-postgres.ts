import { startTestPostgres } from "./servers.ts";

export default startTestPostgres;
