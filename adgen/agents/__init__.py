"""What makes each thing of an ad. The agents keep the spec's names; our words differ.

* prompt_parser -> brief
* scene_planner -> storyboard
* image_generator -> image
* video_generator -> clip
* compositor -> video
"""

# Who makes what a stage is about; the film in all its forms is cut by one.
AGENTS = {
    "brief": "prompt_parser",
    "image": "image_generator",
    "storyboard": "scene_planner",
    "clip": "video_generator",
    "video": "compositor",
    "draft": "compositor",
    "animatic": "compositor",
}
# The steps as people know them, in the order of an ad.
STEPS = {
    "prompt_parser": "Brief",
    "image_generator": "Pictures",
    "scene_planner": "Storyboard",
    "video_generator": "Clips",
    "compositor": "Film",
}
