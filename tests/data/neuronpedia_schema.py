"""Columns of Neuronpedia's database, from its published `apps/webapp/prisma/schema.prisma` (commit 008d504, 2026).

Kinds as Prisma writes them: `?` may be null, `[]` is a list; `=` follows where the column has a default, so that a row
may leave it out. Its importer (`lib/db/import.ts`, `app/api/admin/import/route.ts`) gives release, model, sourceset and
source to Prisma, which refuses any other name; of features, activations and explanations it takes the columns that the
first row names, and leaves what else there is.
"""

from __future__ import annotations

import math
from typing import Any

TABLES = {
    "release": """
        name String, visibility Enum=, isNewUi Boolean=, featured Boolean=, description String,
        descriptionShort String?, urls String[], creatorEmail String?, creatorName String, creatorNameShort String?,
        creatorId String, defaultSourceSetName String?, defaultSourceId String?, defaultUmapSourceIds String[]=,
        createdAt DateTime=""",
    "model": """
        id String, displayNameShort String=, displayName String=, creatorId String, tlensId String?,
        openRouterId String?, dimension Int?, thinking Boolean=, visibility Enum=, defaultSourceSetName String?,
        defaultSourceId String?, defaultGraphSourceSetName String?, inferenceEnabled Boolean=, instruct Boolean=,
        layers Int, neuronsPerLayer Int, createdAt DateTime=, owner String, updatedAt DateTime=, website String?""",
    "sourceset": """
        modelId String, name String, hasDashboards Boolean=, allowInferenceSearch Boolean=, visibility Enum=,
        description String, type String=, creatorName String, urls String[], creatorEmail String?, creatorId String,
        releaseName String?, hasGraphs Boolean=, graphEnabled Boolean=, similarityMatrixEnabled Boolean=,
        defaultOfModelId String?, defaultGraphModelId String?, defaultRange Int=, defaultShowBreaks Boolean=,
        showDfa Boolean=, showCorrelated Boolean=, showHeadAttribution Boolean=, showUmap Boolean=,
        createdAt DateTime=""",
    "source": """
        id String, modelId String, hasDashboards Boolean=, inferenceEnabled Boolean=, saelensConfig Json?,
        saelensRelease String?, saelensSaeId String?, hfRepoId String?, hfFolderId String?, visibility Enum=,
        defaultOfModelId String?, setName String, creatorId String, hasUmap Boolean=, hasUmapLogSparsity Boolean=,
        hasUmapClusters Boolean=, num_prompts Int?, num_tokens_in_prompt Int?, dataset String?, notes String?,
        cosSimMatchModelId String?, cosSimMatchSourceId String?, createdAt DateTime=""",
    "features": """
        modelId String, layer String, index String, sourceSetName String?, creatorId String?, createdAt DateTime=,
        maxActApprox Float?, hasVector Boolean=, vector Float[]=, vectorLabel String?,
        vectorDefaultSteerStrength Float?, hookName String?, topkCosSimIndices Int[]=, topkCosSimValues Float[]=,
        neuron_alignment_indices Int[]=, neuron_alignment_values Float[]=, neuron_alignment_l1 Float[]=,
        correlated_neurons_indices Int[]=, correlated_neurons_pearson Float[]=, correlated_neurons_l1 Float[]=,
        correlated_features_indices Int[]=, correlated_features_pearson Float[]=, correlated_features_l1 Float[]=,
        neg_str String[]=, neg_values Float[]=, pos_str String[]=, pos_values Float[]=, frac_nonzero Float=,
        freq_hist_data_bar_heights Float[]=, freq_hist_data_bar_values Float[]=, logits_hist_data_bar_heights Float[]=,
        logits_hist_data_bar_values Float[]=, decoder_weights_dist Float[]=, umap_cluster Int?,
        umap_log_feature_sparsity Float?, umap_x Float?, umap_y Float?""",
    "activations": """
        id String=, tokens String[], dataIndex String?, index String, layer String, modelId String, dataSource String?,
        maxValue Float, maxValueTokenIndex Int, minValue Float, values Float[], dfaValues Float[]=,
        dfaTargetIndex Int?, dfaMaxValue Float?, zQIndices Int[]=, zKIndices Int[]=, zValues Float[]=,
        creatorId String, createdAt DateTime=, lossValues Float[]=, logitContributions String?, binMin Float?,
        binMax Float?, binContains Float?, qualifyingTokenIndex Int?""",
    "explanations": """
        id String=, modelId String, layer String, index String, embedding Json?, description String, authorId String,
        triggeredByUserId String?, notes String?, scoreV1 Float=, scoreV2 Float?, umap_x Float?, umap_y Float?,
        umap_cluster Int?, umap_log_feature_sparsity Float?, typeName String?, explanationModelName String?,
        createdAt DateTime=, updatedAt DateTime=""",
    "explanation_type": """
        name String, displayName String, description String, featured Boolean=, isAttention Boolean=,
        explainerModelSettingsId String?, settings String?, url String?, creatorName String, creatorId String,
        createdAt DateTime=, updatedAt DateTime=""",
}
OLDER = {"activations": {"zIndices"}}
"""Columns of exports before the schema split them; the importer leaves them."""
ENUMS = {"PUBLIC", "UNLISTED", "PRIVATE"}


def columns(table: str) -> dict[str, str]:
    """The kind of each column of a table."""
    return dict(said.split() for said in TABLES[table].split(","))


def problems(table: str, row: dict[str, Any]) -> list[str]:
    """What the importer would not take of a row."""
    kinds = columns(table)
    found = [f"{name} is no column" for name in set(row) - set(kinds) - OLDER.get(table, set())]
    for name, kind in kinds.items():
        if name not in row:
            found += [f"{name} is missing"] if kind[-1] not in "?=" else []
        elif not fits(kind, row[name]):
            found.append(f"{name} is {row[name]!r}, no {kind}")
    return found


def fits(kind: str, value: Any) -> bool:
    """Whether a value is of a kind."""
    kind = kind.removesuffix("=")
    if value is None:
        return kind.endswith("?")
    kind = kind.removesuffix("?")
    if kind.endswith("[]"):
        return isinstance(value, list) and all(one is None or fits(kind[:-2], one) for one in value)
    if kind == "Enum":
        return value in ENUMS
    if kind == "Float":
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return type(value) is {"String": str, "Int": int, "Boolean": bool, "Json": dict}[kind]
