"""What makes each thing of an ad. The agents keep the spec's names; our words differ.

* prompt_parser -> brief
* scene_planner -> storyboard
* image_generator -> image
* video_generator -> clip
* compositor -> video
"""
