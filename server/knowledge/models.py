"""What an agent should know and say: articles in both languages, every version kept."""

from __future__ import annotations

from django.db import models

# Troubles and verdicts that an article can be about; a test compares them with theirs.
TROUBLES = (
    "burst", "leak", "no_water", "low_pressure", "discoloured", "meter", "sewer", "hydrant",
    "construction", "enquiry",
)  # fmt: skip
VERDICTS = ("inside_shutoff", "planned_notice", "same_segment", "probable_burst")


class Article(models.Model):
    """One subject. What it says is its last version."""

    code = models.SlugField(max_length=40, unique=True)
    troubles = models.JSONField(default=list)
    verdicts = models.JSONField(default=list)
    retired = models.BooleanField(default=False)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class Edition(models.Model):
    """What an article says from a moment on. Never changed."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="editions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=120)
    title_zh = models.CharField(max_length=120)
    body = models.TextField()
    body_zh = models.TextField()
    by = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["article", "number"], name="one_edition_a_number")
        ]
