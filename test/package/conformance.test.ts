import { conformanceOf } from "../clients/conformance.ts";
import { AZURE_STORES } from "../setup/azure-stores.ts";
import { deploy } from "./deployment.ts";
import { usePackage } from "./support.ts";

const made = usePackage();

conformanceOf(
  `MLflow 3.x client against the package, as a deployment runs it${AZURE_STORES.note}`,
  "3",
  async () => {
    const { url, key, certificates } = await deploy(made);
    return {
      url,
      key,
      env: { MLFLOW_TRACKING_TOKEN: key, REQUESTS_CA_BUNDLE: certificates },
    };
  },
  !AZURE_STORES.available,
);
