/** A name for what is known of the work, and the term of the standard that it stands for. */
export interface ContextTerm {
  readonly meaning: string;
  /** Null where no published standard has a term for it. */
  readonly standard: string | null;
  /** The words that it may be, where the standard fixes them. */
  readonly values?: readonly string[];
}

const jobControl = "ISA-95 Job Control, OPC 10031-4";
const batch = "ISA-88, BatchML";
const packml = "PackML, OPC 30050, ISA-TR88.00.02";
const cfx = "CFX, IPC-2591";

/**
 * Names for `episodes.context` that mean the same in every data set, by name.
 *
 * Any other name may be used as well; it then means what its owner says.
 */
export const contextVocabulary = {
  job_order_id: {
    meaning: "the order that is worked on, such as a production, inspection or maintenance order",
    standard: `JobOrderID (${jobControl})`,
  },
  job_response_id: {
    meaning: "the record of one execution of the order",
    standard: `JobResponseID (${jobControl})`,
  },
  job_state: {
    meaning: "how far the order is",
    standard: `job order states (${jobControl})`,
    values: ["NotAllowedToStart", "AllowedToStart", "Running", "Interrupted", "Ended", "Aborted"],
  },
  work_master_id: {
    meaning: "the recipe or work instruction that the order follows",
    standard: `WorkMasterID (${jobControl})`,
  },
  segment_id: {
    meaning: "the part of the work that is under way",
    standard: "process segment (ISA-95, B2MML)",
  },
  procedure_id: { meaning: "the recipe's procedure", standard: `Procedure (${batch})` },
  unit_procedure_id: { meaning: "the part of it on one unit", standard: `UnitProcedure (${batch})` },
  operation_id: { meaning: "the operation of the unit", standard: `Operation (${batch})` },
  phase_id: { meaning: "the phase of the operation", standard: `Phase (${batch})` },
  batch_id: { meaning: "the batch that is made", standard: `batch (${batch})` },
  material_definition_id: {
    meaning: "what is made or handled: a product, a model, a chemical",
    standard: `material requirements and actuals, material definition (${jobControl})`,
  },
  material_lot_id: {
    meaning: "the lot of it",
    standard: `material actuals, material lot (${jobControl})`,
  },
  serial_number: {
    meaning: "the single piece",
    standard: `material actuals (${jobControl}); Units (${cfx})`,
  },
  equipment_id: {
    meaning: "the equipment that is worked on or with: a line, a station, a pump",
    standard: `equipment requirements and actuals (${jobControl})`,
  },
  physical_asset_id: {
    meaning: "the physical thing that serves as that equipment, such as a tool or a structural element",
    standard: `physical asset requirements and actuals (${jobControl})`,
  },
  unit_mode: { meaning: "the mode that the machine is in", standard: `UnitMode (${packml})` },
  packml_state: {
    meaning: "the state that the machine is in",
    standard: `state model (${packml})`,
    values: [
      "Stopped",
      "Stopping",
      "Clearing",
      "Aborting",
      "Aborted",
      "Resetting",
      "Idle",
      "Starting",
      "Execute",
      "Completing",
      "Complete",
      "Holding",
      "Held",
      "Unholding",
      "Suspending",
      "Suspended",
      "Unsuspending",
    ],
  },
  transaction_id: {
    meaning: "one stay of a piece at a station",
    standard: `WorkStarted.TransactionID (${cfx})`,
  },
  lane: { meaning: "the lane of the station", standard: `WorkStarted.Lane (${cfx})` },
  stage_name: { meaning: "the stage of the station", standard: `WorkStageStarted.Stage.StageName (${cfx})` },
  safety_protocol_id: { meaning: "the safety rules that the work is done under", standard: null },
} as const satisfies Readonly<Record<string, ContextTerm>>;
