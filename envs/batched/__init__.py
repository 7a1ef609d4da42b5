"""What suites of batched, compiled environments share: the minigames, the arm.

How they are compiled and cached (`compiling`), their random numbers (`chance`), checked parameters
(`parameters`), what drifts (`drift`), the batch's two faces (`vec_env`, `vector`), and what
pictures are drawn with (`canvas`, `palette`).
"""
