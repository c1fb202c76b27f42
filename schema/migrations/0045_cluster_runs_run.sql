ALTER TABLE "rtb"."cluster_runs" DROP CONSTRAINT "cluster_runs_key";--> statement-breakpoint
ALTER TABLE "rtb"."cluster_runs" ADD CONSTRAINT "cluster_runs_run" UNIQUE("_client_id","_run_id");