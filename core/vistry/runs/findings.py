"""What a run keeps of the doctor's diagnosis."""

from __future__ import annotations

from vistry.data.doctor import Diagnosis
from vistry.data.findings import Finding
from vistry.data.table import SPLITS
from vistry.runs.records import DiagnosisRecord, FindingRecord, QuarantineRecord


def diagnosis_record(diagnosis: Diagnosis) -> DiagnosisRecord:
    """Keep counts, findings and what was left out; the rows themselves are in training.jsonl and validation.jsonl."""
    table = diagnosis.table
    objects = None if table.objects is None else dict(zip(table.classes, table.object_counts().tolist(), strict=True))
    return DiagnosisRecord(
        path=str(diagnosis.path),
        task=diagnosis.task,
        format=table.format,
        images=len(table),
        classes=dict(zip(table.classes, table.class_counts().tolist(), strict=True)),
        splits={name: len(table.rows_of(name)) for name in SPLITS},
        findings=tuple(map(_finding_record, diagnosis.findings)),
        quarantined=tuple(
            QuarantineRecord(
                image=finding.quarantines or "", reason=finding.reason, check=finding.check, object=finding.is_of_object
            )
            for finding in diagnosis.quarantined
        ),
        objects=objects,
    )


def _finding_record(finding: Finding) -> FindingRecord:
    return FindingRecord(
        check=finding.check,
        severity=finding.severity,
        message=finding.message,
        remedy=finding.remedy,
        file=finding.file,
        line=finding.line,
        count=finding.count,
    )
